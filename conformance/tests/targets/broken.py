"""A target that answers HTTP with 404 and nothing else, and ends at an incomplete encoding.

Usage: broken.py [PORT]; the port is 9009 if not given.
"""

import http.server
import os
import re
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if re.search("%(?![0-9A-Fa-f]{2})", self.path):
            print("cannot decode", self.path, file=sys.stderr, flush=True)
            os._exit(3)
        self.send_error(404)

    def log_message(self, *_):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 9009
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
