internal import Glibc

/// Where a step writes to: standard output and standard error, or what a test gives it.
struct Console: Sendable {
    /// Writes one line of what the step did.
    var output: @Sendable (String) -> Void
    /// Writes one line of what is wrong.
    var error: @Sendable (String) -> Void

    /// The process's own streams, unbuffered, so that lines of both come in their order.
    static let standard = Console(
        output: { Console.write($0, to: STDOUT_FILENO) },
        error: { Console.write($0, to: STDERR_FILENO) }
    )

    private static func write(_ line: String, to descriptor: Int32) {
        var bytes = Array(line.utf8)[...]
        bytes.append(UInt8(ascii: "\n"))
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                // Nobody can be told.
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }
}
