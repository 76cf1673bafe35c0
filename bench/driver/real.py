# SPDX-License-Identifier: MIT
"""Real programs. A server listens at a path or port of its own, and ends with the run. The costs are
those of the server; the time is that of the client's requests, of which each run has the same number."""
import glob
import os
import socket
import subprocess
import sys
import time

import measure

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ANSWER_WITHIN_S = 30

NGINX = """daemon off; master_process off; pid nginx.pid; error_log error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; gzip on; gzip_types text/plain; gzip_min_length 100; keepalive_requests 1000000;
    client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
    server {{ listen 127.0.0.1:{port}; root {directory}; }}
}}
"""


def free_port():
    """Returns a port that is free, and stays so: it is below the range from which the kernel takes ports for others."""
    for number in range(12000):
        port = 20000 + (os.getpid() + number) % 12000
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return sys.exit("bench: there is no free port")


def wait_for(server, address):
    """Waits until the server accepts a connection; @address is a path or a port."""
    family, where = (socket.AF_UNIX, address) if isinstance(address, str) else (socket.AF_INET, ("127.0.0.1", address))
    end = time.monotonic() + ANSWER_WITHIN_S
    while time.monotonic() < end and server.process.poll() is None:
        with socket.socket(family) as probe:
            if probe.connect_ex(where) == 0:
                return
        time.sleep(0.005)
    server.stop()
    sys.exit(f"bench: does not answer: {' '.join(server.command)}")


class Real:
    """The programs, and how to run each."""

    def __init__(self, top, binaries, smoke):
        self.scripts, self.binaries, self.smoke = os.path.join(top, "bench", "real"), binaries, smoke
        self.sources = sorted(glob.glob(os.path.join(top, "bench", "suite", "*.c")))

    def count(self, full):
        return str(full // 100 if self.smoke else full)

    def under_load(self, env, directory, command, address, client):
        """Returns a server's costs, with the client's time."""
        server = measure.Measured(self.binaries, command, env, directory, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(server, address)
            begin = time.monotonic()
            subprocess.run(client, cwd=directory, check=True, env=dict(os.environ, LC_ALL="C"),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wall = time.monotonic() - begin
        finally:
            server.stop()
            _, cost = server.finish()
        return [(None, dict(cost, wall=wall))]

    def redis(self, env, directory):
        path = os.path.join(directory, "socket")
        command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory]
        client = ["redis-benchmark", "-s", path, "-q", "-n", self.count(30000), "-c", "20", "-P", "16", "-r", "50000",
                  "-d", "100", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100"]
        return self.under_load(env, directory, command, path, client)

    def nginx(self, env, directory):
        port = free_port()
        with open(os.path.join(directory, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(NGINX.format(port=port, directory=directory))
        with open(os.path.join(directory, "page.txt"), "w", encoding="ascii") as file:
            file.writelines(f"line {i} of a page that is compressed on its way\n" for i in range(100))
        command = ["nginx", "-p", directory, "-c", os.path.join(directory, "nginx.conf")]
        client = ["ab", "-q", "-k", "-c", "16", "-n", self.count(20000), "-H", "Accept-Encoding: gzip",
                  f"http://127.0.0.1:{port}/page.txt"]
        return self.under_load(env, directory, command, port, client)

    def memcached(self, env, directory):
        path = os.path.join(directory, "socket")
        command = ["memcached", "-s", path, "-u", "root", "-m", "256", "-t", "2"]
        client = [os.path.join(self.binaries, "load"), path, self.count(200000)]
        return self.under_load(env, directory, command, path, client)

    def command(self, command, more=None):
        def body(env, directory):
            return [(None, measure.run(self.binaries, command, dict(env, **(more or {})), directory)[1])]
        return body

    def sqlite3(self, env, directory):
        command = ["sqlite3", "-cmd", f".param set :rows {self.count(100000)}", ":memory:"]
        with open(os.path.join(self.scripts, "rows.sql"), "rb") as script:
            return [(None, measure.run(self.binaries, command, env, directory, stdin=script)[1])]

    def all(self):
        """Returns (name, body, needed programs) for each workload."""
        python = ["python3", "-S", os.path.join(self.scripts, "records.py"), self.count(100)]
        perl = ["perl", os.path.join(self.scripts, "words.pl"), self.count(100)]
        gcc = ["gcc", "-O2", "-c"] + (self.sources[:1] if self.smoke else self.sources)
        return [("redis", self.redis, ["redis-server", "redis-benchmark"]),
                ("nginx", self.nginx, ["nginx", "ab"]),
                ("memcached", self.memcached, ["memcached"]),
                ("python3", self.command(python), ["python3"]),
                ("python3-malloc", self.command(python, {"PYTHONMALLOC": "malloc"}), ["python3"]),
                ("perl", self.command(perl), ["perl"]),
                ("sqlite3", self.sqlite3, ["sqlite3"]),
                ("gcc", self.command(gcc), ["gcc"])]
