#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects language runtimes that compile while they run: node.js, with worker threads, buffers and
# processes, behaves on pinned memory as it does without the shim (Faults B11, C22).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need node

cat >scenario.js <<'JS'
'use strict';
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads');
const { execFileSync, spawnSync } = require('child_process');
const crypto = require('crypto');
const zlib = require('zlib');

function work(n) {
	const parts = [];
	for (let i = 0; i < 3000; i++)
		parts.push(Buffer.alloc(1 + (i * n) % 900, i));
	const all = Buffer.concat(parts);
	const packed = zlib.deflateSync(all);
	if (!zlib.inflateSync(packed).equals(all))
		throw new Error('not the same after inflate');
	return crypto.createHash('sha256').update(all).digest('hex');
}

if (!isMainThread) {
	parentPort.postMessage(work(workerData));
} else {
	let sum = 0;
	const table = new Map();
	for (let i = 0; i < 200000; i++) {
		table.set('key' + i % 5000, [i, String(i)]);
		sum = (sum * 31 + table.get('key' + i % 5000)[0]) >>> 0;
	}
	console.log(sum, work(1));
	console.log(execFileSync('cat', { input: 'z'.repeat(100000) }).length, spawnSync('false').status);
	const shared = new WebAssembly.Memory({ initial: 10, maximum: 100 });
	shared.grow(20);
	console.log(new Uint8Array(shared.buffer).length);
	Promise.all([2, 3, 4].map((n) => new Promise((done, bad) => {
		const worker = new Worker(__filename, { workerData: n });
		worker.on('message', done);
		worker.on('error', bad);
	}))).then((all) => console.log(all.join('\n')));
}
JS
same node node scenario.js
