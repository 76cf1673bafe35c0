// SPDX-License-Identifier: MIT
/*
 * Simulates bodies that attract each other, with a tree of quadrants that is rebuilt in every step:
 * much arithmetic through pointers, and a few large allocations at the start, as barnes of
 * mimalloc-bench makes them (20 of up to 256 MB) for its 163840 bodies and 4 steps. Our own
 * program, in two dimensions. Its time depends on where an allocator places large objects and on
 * the kind of pages below them, not on the allocator's speed.
 */
#include "workload.h"

#define BODIES 163840
#define QUADS (4 * BODIES)
#define STEPS 4
#define DEPTH_MAX 40
#define NEAR 0.5

struct body {
	double x, y, vx, vy;
};

struct quad {
	struct quad *parts[4];
	const struct body *body;
	double x, y, mass;
};

static struct quad *quads;
static size_t quads_used;

static struct quad *make_quad(const struct body *body)
{
	struct quad *quad = &quads[quads_used++];

	if (quads_used > QUADS) {
		fputs("too few quads\n", stderr);
		exit(1);
	}
	*quad = (struct quad){ .body = body };
	return quad;
}

static unsigned int part_of(double *x, double *y, double half, const struct body *body)
{
	unsigned int part = (body->x >= *x) + 2 * (body->y >= *y);

	*x += part & 1 ? half : -half;
	*y += part & 2 ? half : -half;
	return part;
}

static void insert(struct quad **at, const struct body *body, double x, double y, double half,
		   unsigned int depth)
{
	struct quad *quad = *at;

	if (!quad) {
		quad = *at = make_quad(body);
	} else if (depth < DEPTH_MAX) {
		double px = x, py = y;
		unsigned int part;

		if (quad->body) { /* a leaf becomes a branch */
			const struct body *old = quad->body;

			quad->body = NULL;
			part = part_of(&px, &py, half / 2, old);
			insert(&quad->parts[part], old, px, py, half / 2, depth + 1);
		}
		px = x;
		py = y;
		part = part_of(&px, &py, half / 2, body);
		insert(&quad->parts[part], body, px, py, half / 2, depth + 1);
	}
	quad->x = (quad->x * quad->mass + body->x) / (quad->mass + 1);
	quad->y = (quad->y * quad->mass + body->y) / (quad->mass + 1);
	quad->mass += 1;
}

static void attract(struct body *body, const struct quad *quad, double width)
{
	double dx, dy, square;

	if (!quad || quad->body == body)
		return;
	dx = quad->x - body->x;
	dy = quad->y - body->y;
	square = dx * dx + dy * dy + 1e-4;
	if (quad->body || width * width < NEAR * NEAR * square) {
		double force = 1e-9 * quad->mass / square;

		body->vx += dx * force;
		body->vy += dy * force;
		return;
	}
	for (int i = 0; i < 4; i++)
		attract(body, quad->parts[i], width / 2);
}

static void step(struct body *bodies)
{
	struct quad *root = NULL;

	quads_used = 0;
	for (size_t i = 0; i < BODIES; i++)
		insert(&root, &bodies[i], 0, 0, 1, 0);
	for (size_t i = 0; i < BODIES; i++)
		attract(&bodies[i], root, 2);
	for (size_t i = 0; i < BODIES; i++) {
		bodies[i].x += bodies[i].vx;
		bodies[i].y += bodies[i].vy;
	}
}

int main(int argc, char **argv)
{
	struct body *bodies = checked(calloc(BODIES, sizeof(*bodies)));
	size_t steps = amount(argc, argv, STEPS);
	uint64_t random = random_seed(0);

	quads = checked(malloc(QUADS * sizeof(*quads)));
	for (size_t i = 0; i < BODIES; i++) {
		bodies[i].x = (double)random_below(&random, 1 << 20) / (1 << 19) - 1;
		bodies[i].y = (double)random_below(&random, 1 << 20) / (1 << 19) - 1;
	}
	for (size_t i = 0; i < steps; i++)
		step(bodies);
	free(quads);
	free(bodies);
	report_done(steps);
	return 0;
}
