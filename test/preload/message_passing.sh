#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs of Open MPI, which hooks the release of memory and reads other processes'
# memory: two ranks that exchange allocated buffers get on pinned memory what they get without the
# shim.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need mpicc mpirun

cat >exchange.c <<'PROGRAM'
#include <malloc.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned exchange(int rank, size_t size, unsigned round)
{
	unsigned char *out = malloc(size), *in = malloc(size);
	unsigned sum = 0;

	memset(out, (int)(round * 7 + (unsigned)rank), size);
	MPI_Sendrecv(out, (int)size, MPI_BYTE, !rank, 0, in, (int)size, MPI_BYTE, !rank, 0, MPI_COMM_WORLD,
		     MPI_STATUS_IGNORE);
	for (size_t i = 0; i < size; i++) {
		if (in[i] != (unsigned char)(round * 7 + (unsigned)!rank))
			MPI_Abort(MPI_COMM_WORLD, 3);
		sum += in[i];
	}
	free(out);
	free(in);
	if (round % 4 == 0)
		malloc_trim(0);
	return sum;
}

int main(int argc, char **argv)
{
	unsigned sum = 0;
	int rank;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	for (unsigned round = 0; round < 60; round++)
		for (size_t size = 64; size <= 4 << 20; size *= 16)
			sum = sum * 31 + exchange(rank, size, round);
	printf("rank %d: %u\n", rank, sum);
	return MPI_Finalize();
}
PROGRAM
mpicc -O2 -o exchange exchange.c
run=(mpirun --oversubscribe --mca plm isolated -n 2)
[ "$(id -u)" != 0 ] || run+=(--allow-run-as-root)
"${run[@]}" ./exchange 2>plain.err | sort >plain.out
"${run[@]}" "${pinned[@]}" ./exchange 2>pinned.err | sort >pinned.out
[ "$(wc -l <plain.out)" = 2 ] || fail "without the shim: $(cat plain.err)"
diff plain.out pinned.out || fail "the results differ: $(tail pinned.err)"
without_report pinned.err | diff plain.err - || fail 'stderr differs'
used_pinned pinned.err exchange
