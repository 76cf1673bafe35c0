// SPDX-License-Identifier: MIT
/*
 * A device's driver in C++: QEMU's edu device copies a std::pmr::vector into its own buffer, and
 * from there into a second vector, at the physical addresses of both. See examples/edu for the
 * driver of the device.
 */
#include <algorithm>
#include <cstdio>
#include <exception>
#include <numeric>

#include <pinned.hpp>

extern "C" {
#include "edu.h"
}

/* Opens the device, for this process alone. Throws std::system_error. */
class edu_device
{
      public:
	edu_device() : edu_(edu_open())
	{
		if (!edu_)
			throw std::system_error(errno, std::generic_category(), "edu_open");
		edu_lock(edu_);
	}
	~edu_device()
	{
		edu_unlock(edu_);
		edu_close(edu_);
	}
	edu_device(const edu_device &) = delete;
	edu_device &operator=(const edu_device &) = delete;

	/* Moves @len bytes, which lie in one extent, from @from through the device to @to. */
	void copy(const void *from, void *to, std::size_t len)
	{
		if (edu_read_memory(edu_, pinned::phys(from).value(), len) ||
		    edu_write_memory(edu_, pinned::phys(to).value(), len))
			throw std::system_error(errno, std::generic_category(), "transfer");
	}

      private:
	struct edu *edu_;
};

static int run()
{
	edu_device device;
	pinned_heap_options options{};
	options.size = sizeof(options);
	options.max_phys = 0xffffffff;
	pinned::heap heap(options);
	pinned::memory_resource resource(heap);
	std::pmr::vector<unsigned char> from(EDU_TRANSFER_MAX, &resource), to(from.size(), &resource);
	/* The device may still write if an exception ends this function, so the memory must stay. */
	pinned::retained first(from.data()), second(to.data());

	std::iota(from.begin(), from.end(), static_cast<unsigned char>(1));
	device.copy(from.data(), to.data(), from.size());
	if (from != to) {
		std::puts("c++: the device returned other bytes");
		return 1;
	}
	std::printf("c++: the device moved %zu bytes from %#llx to %#llx\n", from.size(),
		    static_cast<unsigned long long>(pinned::phys(from.data()).value()),
		    static_cast<unsigned long long>(pinned::phys(to.data()).value()));
	return 0;
}

int main()
{
	try {
		return run();
	} catch (const std::exception &error) {
		std::fprintf(stderr, "c++: %s\n", error.what());
		return 1;
	}
}
