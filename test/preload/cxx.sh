#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects C++ programs: every form of new and delete, containers, exceptions and threads
# behave on pinned memory as they do without the shim, and destructors of thread_local
# objects may allocate (Faults B26, B28).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cxx"

cat >forms.cc <<'PROGRAM'
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct alignas(256) wide { char bytes[512]; };
struct thrower { std::string text = std::string(1000, 'x'); thrower(bool now) { if (now) throw 7; } };

static bool aligned(const void *p, std::size_t to) { return reinterpret_cast<std::uintptr_t>(p) % to == 0; }

static void forms()
{
	std::unique_ptr<wide> one(new wide);
	std::unique_ptr<wide[]> many(new wide[33]);
	std::cout << aligned(one.get(), 256) << aligned(many.get(), 256) << '\n';
	for (std::size_t alignment = 16; alignment <= 1 << 16; alignment *= 2) {
		void *p = ::operator new(100, std::align_val_t(alignment));
		void *q = ::operator new[](100, std::align_val_t(alignment), std::nothrow);
		std::cout << aligned(p, alignment) << aligned(q, alignment);
		::operator delete(p, 100, std::align_val_t(alignment));
		::operator delete[](q, std::align_val_t(alignment));
	}
	void *p = ::operator new(77);
	::operator delete(p, std::size_t(77));
	p = ::operator new[](0);
	::operator delete[](p);
	delete[] new (std::nothrow) int[1000];
	volatile std::size_t huge = SIZE_MAX / 4;
	std::cout << '\n' << (new (std::nothrow) char[huge] == nullptr);
	try { delete[] new char[huge]; } catch (const std::bad_alloc &) { std::cout << " bad_alloc"; }
	static int handled;
	std::set_new_handler([] { if (++handled == 3) std::set_new_handler(nullptr); });
	try { ::operator delete(::operator new(huge)); } catch (const std::bad_alloc &) { std::cout << ' ' << handled; }
	for (int i = 0; i < 1000; i++)
		try { delete new thrower(i % 2); } catch (int) { }
	std::cout << '\n';
}

static void containers()
{
	std::mt19937 random(42);
	std::map<int, std::string> tree;
	std::unordered_map<std::string, std::vector<int>> table;
	for (int i = 0; i < 50000; i++) {
		int key = random() % 5000;
		tree[key] += std::to_string(i);
		table[std::to_string(key % 100)].push_back(i);
		if (i % 7 == 0)
			tree.erase(key);
	}
	std::size_t sum = 0;
	for (auto &[key, text] : tree)
		sum += key * text.size();
	std::cout << tree.size() << ' ' << sum << ' ' << table["7"].size() << '\n';
	std::pmr::monotonic_buffer_resource pool;
	std::pmr::vector<std::pmr::string> strings(&pool);
	for (int i = 0; i < 10000; i++)
		strings.emplace_back("a string too long for the small buffer " + std::to_string(i));
	std::cout << strings.back() << '\n';
}

/* One destroyed after the other, each allocating and freeing what the thread had. */
struct last_words {
	std::vector<std::string> words;
	~last_words() { for (int i = 0; i < 100; i++) words.push_back(std::string(i * 50, 'y') + words.back()); words.clear(); }
};
static thread_local last_words first, second;

int main()
{
	forms();
	containers();
	first.words.assign(1, "main");
	second.words.assign(1, "main");
	std::vector<std::thread> threads;
	std::vector<std::string> texts(8);
	for (int i = 0; i < 8; i++)
		threads.emplace_back([i, &texts] {
			std::ostringstream stream;
			first.words.assign(5, "first");
			second.words.assign(1000, std::string(100, 'z'));
			for (int j = 0; j < 5000; j++)
				stream << i * j << ',';
			texts[i] = stream.str();
		});
	for (auto &thread : threads)
		thread.join();
	for (auto &text : texts)
		std::cout << std::hash<std::string>()(text) << '\n';
	return 0;
}
PROGRAM
"$cxx" -std=c++17 -O1 -pthread -o forms forms.cc
same forms ./forms
