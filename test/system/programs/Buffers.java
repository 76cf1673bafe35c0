// SPDX-License-Identifier: MIT
/*
 * A program for the Java virtual machine. Its threads pass direct buffers, which lie outside the
 * Java heap, to each other, compress and decompress them with zlib, compare them, and leave them to
 * the garbage collector. Each thread also allocates and drops objects, and does enough work for the
 * just-in-time compiler to compile it. Prints sums that are the same in every run. With an
 * argument, prints instead how many of the buffers lie in a mapping whose name contains the
 * argument.
 */
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

public class Buffers {
	static final int PAIRS = 3, BUFFERS = 24, LARGEST = 1 << 20;

	static ByteBuffer filled(int seed) {
		int size = 1 + seed * 7919 % LARGEST;
		ByteBuffer buffer = ByteBuffer.allocateDirect(size);
		int value = seed;
		for (int i = 0; i < size; i++) {
			value = value * 1103515245 + 12345;
			buffer.put((byte)(value >> 16 & 0x1f));
		}
		return buffer.flip();
	}

	static long sum(ByteBuffer buffer) {
		CRC32 crc = new CRC32();
		crc.update(buffer.duplicate());
		return crc.getValue();
	}

	static ByteBuffer packedAndBack(ByteBuffer buffer) throws DataFormatException {
		Deflater deflater = new Deflater(1);
		Inflater inflater = new Inflater();
		ByteBuffer packed = ByteBuffer.allocateDirect(buffer.remaining() + 1024);
		ByteBuffer back = ByteBuffer.allocateDirect(buffer.remaining());

		deflater.setInput(buffer.duplicate());
		deflater.finish();
		while (!deflater.finished())
			deflater.deflate(packed);
		inflater.setInput(packed.flip());
		while (!inflater.finished())
			inflater.inflate(back);
		deflater.end();
		inflater.end();
		return back.flip();
	}

	static long objects(int seed) {
		Map<String, List<Integer>> map = new HashMap<>();
		for (int i = 0; i < 5000; i++)
			map.computeIfAbsent("key " + (i * seed) % 97, key -> new ArrayList<>()).add(i);
		return map.values().stream().mapToLong(List::size).map(size -> size * size).sum();
	}

	static Void produce(BlockingQueue<ByteBuffer> queue, int first) throws InterruptedException {
		for (int i = 0; i < BUFFERS; i++)
			queue.put(filled(first + i));
		return null;
	}

	static long consume(BlockingQueue<ByteBuffer> queue, int first) throws Exception {
		long total = 0;
		for (int i = 0; i < BUFFERS; i++) {
			ByteBuffer buffer = queue.take(), back = packedAndBack(buffer);
			if (!buffer.equals(back))
				throw new IllegalStateException("buffer " + (first + i) + " has changed");
			total = total * 31 + sum(back) + objects(first + i);
		}
		return total;
	}

	static boolean isIn(ByteBuffer buffer, String mapping) throws IOException {
		long address = ((sun.nio.ch.DirectBuffer)buffer).address();
		for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
			String[] ends = line.split("[- ]", 3);
			if (line.contains(mapping) && Long.compareUnsigned(address, Long.parseUnsignedLong(ends[0], 16)) >= 0 &&
			    Long.compareUnsigned(address, Long.parseUnsignedLong(ends[1], 16)) < 0)
				return true;
		}
		return false;
	}

	static int countIn(String mapping) throws IOException {
		int count = 0;
		for (int i = 0; i < BUFFERS; i++)
			if (isIn(filled(i), mapping))
				count++;
		return count;
	}

	public static void main(String[] arguments) throws Exception {
		if (arguments.length > 0) {
			System.out.println(countIn(arguments[0]) + " of " + BUFFERS);
			return;
		}
		ExecutorService threads = Executors.newFixedThreadPool(2 * PAIRS);
		List<Future<Long>> sums = new ArrayList<>();
		for (int pair = 0; pair < PAIRS; pair++) {
			BlockingQueue<ByteBuffer> queue = new ArrayBlockingQueue<>(4);
			int first = 1 + pair * BUFFERS;
			threads.submit(() -> produce(queue, first));
			sums.add(threads.submit(() -> consume(queue, first)));
		}
		for (Future<Long> sum : sums)
			System.out.println(sum.get());
		threads.shutdown();
	}
}
