/* SPDX-License-Identifier: MIT */
/*
 * C++17 on top of pinned.h: an allocator for containers, a std::pmr::memory_resource, and owners of
 * heaps, objects and retained objects. Header only: all functions are those of libpinned, and an
 * object of this header can be mixed with calls of pinned.h.
 *
 * A function that fails throws std::system_error with the errno of the call in
 * std::generic_category(); an allocation that fails throws std::bad_alloc. Destructors throw
 * nothing. Threads and fork: as the functions of pinned.h; a single object of a class below must
 * not be used by two threads at once, except pinned::memory_resource and pinned::allocator.
 *
 * A heap must outlive the allocators, resources, containers and retained objects that use it.
 */
#ifndef PINNED_HPP
#define PINNED_HPP

#include <pinned.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <memory_resource>
#include <new>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace pinned {

namespace detail {

/* Throws std::system_error with the current errno. */
[[noreturn]] inline void fail(const char *function)
{
	throw std::system_error(errno, std::generic_category(), function);
}

/* Allocates in a heap, or in the default heap if @from is NULL. Throws std::bad_alloc. */
inline void *allocate(pinned_heap *from, std::size_t size, std::size_t alignment)
{
	void *object = alignment > 16 ? pinned_heap_memalign(from, alignment, size) :
					pinned_heap_malloc(from, size);

	if (!object)
		throw std::bad_alloc();
	return object;
}

} // namespace detail

/* Returns the physical address of the byte at @ptr, or nothing if it has none. As pinned_v2p(). */
inline std::optional<std::uint64_t> phys(const void *ptr) noexcept
{
	const std::uint64_t address = pinned_v2p(ptr);

	if (address == PINNED_NO_PHYS)
		return std::nullopt;
	return address;
}

/*
 * Returns the physical extents of a range, in the order of the range. As pinned_v2p_sg(): throws
 * EFAULT if a byte of the range has no physical address.
 */
inline std::vector<pinned_extent> extents(const void *ptr, std::size_t len)
{
	std::vector<pinned_extent> found(4);

	for (;;) {
		const long count = pinned_v2p_sg(ptr, len, found.data(), found.size());

		if (count < 0)
			detail::fail("pinned_v2p_sg");
		const bool is_complete = static_cast<std::size_t>(count) <= found.size();
		found.resize(static_cast<std::size_t>(count));
		if (is_complete)
			return found;
	}
}

/*
 * Owns a heap (pinned_heap_create()). The destructor destroys the heap; if an object of the heap is
 * still retained, then the heap stays, as pinned_heap_destroy() says. Use close() to see the error.
 * A default-constructed owner stands for the default heap.
 */
class heap {
public:
	heap() noexcept = default;
	explicit heap(const pinned_heap_options &options) : heap_(pinned_heap_create(&options))
	{
		if (!heap_)
			detail::fail("pinned_heap_create");
	}

	/* Destroys the heap. If that fails, throws the errno, and nothing has changed. */
	void close()
	{
		if (heap_ && pinned_heap_destroy(heap_.get()))
			detail::fail("pinned_heap_destroy");
		heap_.release();
	}

	/* Returns the figures of the heap. As pinned_heap_stats(). */
	struct pinned_stats stats() const
	{
		struct pinned_stats figures = {};

		figures.size = sizeof(figures);
		if (pinned_heap_stats(heap_.get(), &figures))
			detail::fail("pinned_heap_stats");
		return figures;
	}

	/* Returns the heap for a function of pinned.h; NULL means the default heap. */
	pinned_heap *get() const noexcept { return heap_.get(); }

private:
	struct destroyer {
		void operator()(pinned_heap *owned) const noexcept
		{
			const int saved = errno;

			pinned_heap_destroy(owned);
			errno = saved;
		}
	};

	std::unique_ptr<pinned_heap, destroyer> heap_;
};

/* An allocator for containers. Allocators are equal if they use the same heap. */
template <class T> class allocator {
public:
	using value_type = T;
	using propagate_on_container_move_assignment = std::true_type;
	using propagate_on_container_swap = std::true_type;
	using is_always_equal = std::false_type;

	allocator() noexcept = default;
	explicit allocator(const heap &from) noexcept : heap_(from.get()) {}
	explicit allocator(pinned_heap *from) noexcept : heap_(from) {}
	template <class U> allocator(const allocator<U> &other) noexcept : heap_(other.get()) {}

	T *allocate(std::size_t count)
	{
		if (count > std::numeric_limits<std::size_t>::max() / sizeof(T))
			throw std::bad_array_new_length();
		return static_cast<T *>(detail::allocate(heap_, count * sizeof(T), alignof(T)));
	}

	void deallocate(T *object, std::size_t) noexcept { pinned_free(object); }

	pinned_heap *get() const noexcept { return heap_; }

private:
	pinned_heap *heap_ = nullptr;
};

template <class T, class U> bool operator==(const allocator<T> &a, const allocator<U> &b) noexcept
{
	return a.get() == b.get();
}

template <class T, class U> bool operator!=(const allocator<T> &a, const allocator<U> &b) noexcept
{
	return a.get() != b.get();
}

/* A memory resource for std::pmr containers. Resources are equal if they use the same heap. */
class memory_resource : public std::pmr::memory_resource {
public:
	memory_resource() noexcept = default;
	explicit memory_resource(const heap &from) noexcept : heap_(from.get()) {}
	explicit memory_resource(pinned_heap *from) noexcept : heap_(from) {}

	pinned_heap *get() const noexcept { return heap_; }

private:
	void *do_allocate(std::size_t size, std::size_t alignment) override
	{
		return detail::allocate(heap_, size, alignment);
	}

	void do_deallocate(void *object, std::size_t, std::size_t) override { pinned_free(object); }

	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
	{
		const auto *same = dynamic_cast<const memory_resource *>(&other);

		return same && same->heap_ == heap_;
	}

	pinned_heap *heap_ = nullptr;
};

/*
 * Keeps an object's memory and physical address until the owner is destroyed (pinned_retain()),
 * even if the program frees the object. Holds nothing after a move, or if default-constructed.
 */
class retained {
public:
	retained() noexcept = default;
	/* @ptr: any byte of an object. Throws EFAULT, ENOBUFS or ENOMEM as pinned_retain() does. */
	explicit retained(const void *ptr)
	{
		if (pinned_retain(ptr))
			detail::fail("pinned_retain");
		object_.reset(ptr);
	}

	void release() noexcept { object_.reset(); }

	const void *get() const noexcept { return object_.get(); }
	explicit operator bool() const noexcept { return object_ != nullptr; }

private:
	struct releaser {
		void operator()(const void *object) const noexcept
		{
			const int saved = errno;

			pinned_release(object);
			errno = saved;
		}
	};

	std::unique_ptr<const void, releaser> object_;
};

/* Frees objects of any heap, for std::unique_ptr; trivially destructible objects only. */
struct deleter {
	template <class T> void operator()(T *object) const noexcept
	{
		static_assert(std::is_trivially_destructible_v<T>);
		pinned_free(object);
	}
};

template <class T> using unique_ptr = std::unique_ptr<T, deleter>;

/*
 * Returns a buffer of @count elements of trivial type, whose content is undefined. Throws
 * std::bad_alloc.
 */
template <class T> unique_ptr<T[]> make_buffer(std::size_t count, const heap &from = heap())
{
	static_assert(std::is_trivial_v<T>);
	return unique_ptr<T[]>(allocator<T>(from).allocate(count));
}

} // namespace pinned

#endif /* PINNED_HPP */
