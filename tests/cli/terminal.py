"""Types at `freehold run` through a pseudo-terminal and checks what it shows. Usage: terminal.py FREEHOLD MODEL FOLDER"""
import os
import pty
import re
import select
import sys
import time

freehold, model, folder = sys.argv[1:4]


class Terminal:
    def __init__(self, *arguments):
        self.seen = ""
        self.process, self.handle = pty.fork()
        if self.process == 0:
            os.environ["TERM"] = "xterm"
            os.execv(freehold, [freehold, "run", model, *arguments])

    def wait(self, pattern, seconds=60):
        """Until `pattern` appears in what came since the last wait."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            if time.monotonic() > end or not self.read(0.2):
                sys.exit(f"FAILED: waited for {pattern!r}, saw {self.seen!r}")
        self.seen, before = self.seen[found.end():], self.seen[:found.end()]
        return before

    def read(self, seconds):
        if select.select([self.handle], [], [], seconds)[0]:
            try:
                data = os.read(self.handle, 65536)
            except OSError:
                return False
            self.seen += data.decode("utf-8", "replace")
            return bool(data)
        return True

    def type(self, text):
        os.write(self.handle, text.encode())

    def say(self, text):
        """Types at the prompt, not before it: what comes earlier is echoed by the terminal itself."""
        self.wait(PROMPT)
        self.type(text)

    def exit_code(self):
        end = time.monotonic() + 60
        while self.read(0.2):
            if time.monotonic() > end:
                sys.exit(f"FAILED: did not end, saw {self.seen!r}")
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


PROMPT = r"> "
terminal = Terminal("--max-tokens", "12", "--seed", "1", "--context", "512", "--logit-bias", "258:-100")
terminal.wait("/help lists commands")
terminal.say("Hello\r")
terminal.wait(r"12 tokens, .* tokens/s \(.*GB/s")
terminal.say("/help\r")
terminal.wait("/system TEXT")
terminal.say("/system Be brief.\r")
terminal.wait("set; it holds")
terminal.say("/nonsense\r")
terminal.wait("no such command")
terminal.say("first \\\rsecond\r")  # two lines, one question
terminal.wait("12 tokens")
terminal.say('"""one\rtwo"""\r')
terminal.wait("12 tokens")
terminal.say("/stats\r")
terminal.wait("of 512 positions")
terminal.say(f"/save {folder}/chat\r")
terminal.wait("readable by you only")
terminal.say("/reset\r")
terminal.wait("forgotten")
terminal.say(f"/load {folder}/chat\r")
terminal.wait("6 messages\x1b|6 messages\r")
terminal.say("/quit\r")
assert terminal.exit_code() == 0
assert os.stat(f"{folder}/chat.state").st_mode & 0o777 == 0o600

# An answer longer than what a terminal buffers: however late we read and press Ctrl-C, it cannot have ended before.
terminal = Terminal("--temperature", "0", "--logit-bias", "256:-100", "258:-100", "--context", "65536")
terminal.say("Go on for ever")
terminal.wait("for ever")
terminal.type("\x03")  # Ctrl-C drops the line and not the program
terminal.wait("once more leaves")
terminal.say("Hi\r")
terminal.wait(r"Hi\r\n.")
terminal.type("\x03")
terminal.wait("stopped; ")
terminal.say("\x03")
terminal.wait("once more leaves")
terminal.say("\x03")
terminal.wait("freehold: error: cancelled")
code = terminal.exit_code()
assert code == 7, code

terminal = Terminal()
terminal.say("\x04")
assert terminal.exit_code() == 0
