// SPDX-License-Identifier: MIT
/*
 * Binary trees that are built and freed repeatedly while another one stays, and a search tree whose
 * nodes are inserted and removed in random order. Nodes are small, and almost all work is
 * allocating and following pointers.
 */
#include "workload.h"

#define DEPTH 14
#define KEYS 60000

struct node {
	struct node *left;
	struct node *right;
	size_t key;
};

static struct node *make_node(size_t key)
{
	struct node *node = checked(malloc(sizeof(*node)));

	*node = (struct node){ NULL, NULL, key };
	return node;
}

static struct node *build(unsigned int depth)
{
	struct node *node = make_node(depth);

	if (depth) {
		node->left = build(depth - 1);
		node->right = build(depth - 1);
	}
	return node;
}

static void destroy(struct node *node)
{
	if (!node)
		return;
	destroy(node->left);
	destroy(node->right);
	free(node);
}

static void insert(struct node **at, size_t key)
{
	while (*at)
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	*at = make_node(key);
}

/* Removes the last node on the search path of @key, which has the next smaller or larger key. */
static void remove_near(struct node **at, size_t key)
{
	struct node **best = at, *node;

	while (*at) {
		best = at;
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	}
	node = *best;
	if (!node)
		return;
	*best = node->left ? node->left : node->right;
	free(node);
}

static void churn(struct node **root, size_t count)
{
	uint64_t random = random_seed(1);

	for (size_t i = 0; i < KEYS; i++)
		insert(root, random_next(&random));
	for (size_t i = 0; i < count; i++) {
		remove_near(root, random_next(&random));
		insert(root, random_next(&random));
	}
}

int main(int argc, char **argv)
{
	struct node *lasting = build(DEPTH + 2), *search = NULL;
	size_t count = amount(argc, argv, 400);

	for (size_t i = 0; i < count; i++)
		destroy(build(DEPTH));
	churn(&search, count * 500);
	destroy(search);
	destroy(lasting);
	return 0;
}
