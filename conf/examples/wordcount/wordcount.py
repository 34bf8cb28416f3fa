"""Counts words. The loop reads messages from a queue, and puts an answer to each."""
import collections
import re
import traceback

import jumpboot

WORD = re.compile(r"[^\W\d_]+")
seen = collections.Counter()


def handle(command, data):
    if command == "count":
        words = collections.Counter(word.lower() for word in WORD.findall(data["text"]))
        seen.update(words)
        return dict(words)
    if command == "most_common":
        return seen.most_common(data.get("count", 3))
    raise ValueError("there is no command %s: only count and most_common" % command)


def main():
    queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
    while True:
        try:
            message = queue.get()
        except EOFError:  # the worker is not needed any more
            return
        try:
            answer = {"result": handle(message["command"], message["data"])}
        except Exception as error:
            answer = {"error": str(error), "traceback": traceback.format_exc()}
        queue.put({"request_id": message["request_id"], **answer})


main()
