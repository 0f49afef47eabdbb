import Glibc
import HostAPI

/// The terminal that apiclient itself runs in.
enum LocalTerminal {
    /// What a remote terminal is to be like: this one.
    static var description: ExecTerminal {
        let term = getenv("TERM").map { String(cString: $0) }
        return ExecTerminal(size: size, term: term.flatMap { isName($0) ? $0 : nil })
    }

    /// The size; nil if neither standard input nor output is a terminal that has one.
    static var size: ExecTerminalSize? {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO] {
            var size = winsize()
            if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 {
                return ExecTerminalSize(rows: size.ws_row, columns: size.ws_col)
            }
        }
        return nil
    }

    /// Whether the server takes it: others are not told.
    private static func isName(_ term: String) -> Bool {
        (1...64).contains(term.utf8.count)
            && term.utf8.allSatisfy {
                isalnum(Int32($0)) != 0 && $0 < 0x80 || "+-._".utf8.contains($0)
            }
    }

    // Reached by a signal handler, which may neither allocate nor take a lock: plain memory that is never freed.
    nonisolated(unsafe) private static let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    nonisolated(unsafe) private static let isRaw: UnsafeMutablePointer<Bool> = {
        let flag = UnsafeMutablePointer<Bool>.allocate(capacity: 1)
        flag.initialize(to: false)
        return flag
    }()

    /// What ends a program: before each of them, the terminal becomes what it was.
    private static let endings = [
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE,
    ]

    /// Passes on every key as it is pressed, if standard input is a terminal.
    static func makeRaw() {
        guard !isRaw.pointee, tcgetattr(STDIN_FILENO, saved) == 0 else { return }
        var raw = saved.pointee
        cfmakeraw(&raw)
        for number in endings where !isIgnored(number) {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                LocalTerminal.restore()
                signal(number, SIG_DFL)
                raise(number)
            }
            sigaction(number, &action, nil)
        }
        isRaw.pointee = true
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
    }

    /// Whether the program was started with a signal ignored, as by nohup(1): it is to stay so.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        return sigaction(number, nil, &action) == 0
            && unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Undoes `makeRaw`.
    static func restore() {
        guard isRaw.pointee else { return }
        isRaw.pointee = false
        tcsetattr(STDIN_FILENO, TCSANOW, saved)
    }
}
