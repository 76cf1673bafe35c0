#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: node, with its threads and its compiler, runs with the library.
. "$(dirname "$0")/../guest-common"
same node -e 'const crypto = require("crypto"); const zlib = require("zlib");
	let data = Buffer.alloc(2000000, "pinned"); let objects = [];
	for (let i = 0; i < 200000; i++) objects.push({ i, s: "x" + i });
	const back = zlib.gunzipSync(zlib.gzipSync(data));
	console.log(crypto.createHash("sha256").update(back).digest("hex"), objects.length);'
