#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: what pinned.hpp declares does what it says with the real library, built by g++ and clang++
# without warnings: containers in heaps, resources, alignment, owners that move, exceptions with the
# errno of the call, and a limit that ends in std::bad_alloc and loses nothing.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${PINNED_BUILD:-$top/build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/try.cc" <<'PROGRAM'
#include <pinned.hpp>

#include <cstdio>
#include <cstring>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>

static int failures;
#define CHECK(what) \
	do { \
		if (!(what)) { \
			std::fprintf(stderr, "line %d: %s\n", __LINE__, #what); \
			failures++; \
		} \
	} while (0)

/* Returns the errno that @function throws; 0 if it throws nothing. */
template <class F> static int error_of(F function)
{
	try {
		function();
	} catch (const std::system_error &error) {
		CHECK(error.code().category() == std::generic_category());
		return error.code().value();
	}
	return 0;
}

static pinned::heap heap_of(std::uint64_t limit)
{
	pinned_heap_options options{};

	options.size = sizeof(options);
	options.limit = limit;
	return pinned::heap(options);
}

static std::uint64_t used(const pinned::heap &heap) { return heap.stats().object_bytes; }

static void containers()
{
	pinned::heap heap = heap_of(0);
	const std::uint64_t before = used(heap);
	{
		std::vector<int, pinned::allocator<int>> numbers{ pinned::allocator<int>(heap) };
		for (int i = 0; i < 100000; i++)
			numbers.push_back(i);
		CHECK(pinned_owns(&numbers[99999]) && numbers[99999] == 99999);
		std::list<long, pinned::allocator<long>> list{ pinned::allocator<long>(heap) };
		list.assign(1000, 7);
		CHECK(pinned_owns(&list.back()));
		std::map<int, int, std::less<>, pinned::allocator<std::pair<const int, int>>> tree{
			pinned::allocator<int>(heap)
		};
		for (int i = 0; i < 1000; i++)
			tree[i] = i;
		CHECK(pinned_owns(&tree[5]) && used(heap) > before + 400000);

		auto copy = numbers, moved = std::move(numbers);
		CHECK(copy.get_allocator() == moved.get_allocator() && copy == moved);
		CHECK(copy.get_allocator() != pinned::allocator<int>());
		copy.swap(moved);
		decltype(copy) other;
		other = std::move(copy);
		CHECK(other.get_allocator().get() == heap.get() && other.size() == 100000);
	}
	CHECK(used(heap) == before);
	std::vector<char, pinned::allocator<char>> plain(5000, 'x');
	CHECK(pinned_owns(plain.data()));
}

static void resources()
{
	pinned::heap heap = heap_of(0);
	pinned::memory_resource one(heap), two(heap), other;
	const std::uint64_t before = used(heap);
	{
		std::pmr::vector<std::pmr::string> strings(&one);
		for (int i = 0; i < 1000; i++)
			strings.emplace_back("too long for the buffer inside of the string " + std::to_string(i));
		CHECK(pinned_owns(strings.data()) && pinned_owns(strings.back().data()));
		std::pmr::unordered_map<int, std::pmr::string> table(&two);
		table.emplace(1, "a string that is long enough to be allocated outside");
		CHECK(pinned_owns(table[1].data()));
		for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
			void *object = one.allocate(100, alignment);
			CHECK(reinterpret_cast<std::uintptr_t>(object) % alignment == 0);
			one.deallocate(object, 100, alignment);
		}
	}
	CHECK(used(heap) == before);
	CHECK(one == two && !(one == other) && !(one == *std::pmr::new_delete_resource()));
}

struct alignas(128) wide {
	char bytes[128];
};

static void alignment()
{
	std::vector<wide, pinned::allocator<wide>> many(33);
	CHECK(reinterpret_cast<std::uintptr_t>(many.data()) % 128 == 0);
}

static void errors()
{
	pinned_heap_options wrong{};
	char outside = 0;

	wrong.size = sizeof(wrong);
	wrong.flags = 0x80000000u;
	CHECK(error_of([&] { pinned::heap{ wrong }; }) == EINVAL);
	CHECK(error_of([&] { pinned::retained{ &outside }; }) == EFAULT);
	CHECK(error_of([&] { pinned::extents(&outside, 1); }) == EFAULT);
	CHECK(!pinned::phys(&outside) && pinned::extents(&outside, 0).empty());

	pinned::heap small = heap_of(PINNED_CHUNK_SIZE);
	pinned::allocator<char> from(small);
	bool is_refused = false, is_overflow = false;
	try {
		from.allocate(3 * PINNED_CHUNK_SIZE);
	} catch (const std::bad_alloc &) {
		is_refused = true;
	}
	try {
		pinned::allocator<long>(small).allocate(SIZE_MAX / 2);
	} catch (const std::bad_array_new_length &) {
		is_overflow = true;
	}
	CHECK(is_refused && is_overflow && used(small) == 0);
	char *object = from.allocate(100000);
	CHECK(used(small) >= 100000);
	from.deallocate(object, 100000);
}

/* The compiler would warn of the accesses after the free, which are the point of retained. */
static unsigned char *volatile at;

static void owners()
{
	pinned::heap heap = heap_of(0);
	auto buffer = pinned::make_buffer<unsigned char>(10000, heap);

	at = buffer.get();

	std::memset(at, 42, 10000);
	pinned::retained first(at + 5000), second;
	CHECK(first && !second && error_of([&] { heap.close(); }) == EBUSY && heap.get());
	buffer.reset();
	CHECK(at[9999] == 42);
	second = std::move(first);
	CHECK(!first && second.get() == at + 5000 && at[0] == 42);
	second = pinned::retained();
	CHECK(!second && pinned_release(at) == -1 && errno == EINVAL);

	pinned::heap moved = std::move(heap);
	CHECK(!heap.get() && moved.get() && error_of([&] { moved.close(); }) == 0 && !moved.get());

	errno = 7;
	{
		auto text = pinned::make_buffer<char>(10);
		pinned::retained held(text.get());
	}
	CHECK(errno == 7);
}

static void threads()
{
	pinned::heap heap = heap_of(0);
	pinned::memory_resource shared(heap);
	std::vector<std::thread> workers;

	for (int i = 0; i < 4; i++)
		workers.emplace_back([&shared, i] {
			std::pmr::list<int> list(&shared);
			for (int j = 0; j < 2000; j++)
				list.push_back(i * j);
		});
	for (std::thread &worker : workers)
		worker.join();
	CHECK(used(heap) == 0);
}

int main()
{
	containers();
	resources();
	alignment();
	errors();
	owners();
	threads();
	return failures != 0;
}
PROGRAM

export PINNED_CONF=backend:anon LD_LIBRARY_PATH=$build/lib
count=0
for compiler in "${CXX:-c++}" clang++; do
	# shellcheck disable=SC2086 # the compiler may carry options
	$compiler -std=c++17 -O1 -Wall -Wextra -Wconversion -Werror -pthread -I"$top/include" -o "$tmp/try" "$tmp/try.cc" \
		-L"$build/lib" -lpinned
	"$tmp/try"
	count=$((count + 1))
done
echo "$count programs"
[ $count = 2 ]
