import Foundation
import Glibc

/// What the guest wrote to its serial console, read from the log file that QEMU writes.
///
/// Lines come without their ends and without terminal control sequences.
public struct Console: Sendable {
    /// Path of the log with every byte as it came.
    public let logPath: String
    /// Where in the log the present boot begins, in bytes.
    let start: UInt64
    private let isRunning: @Sendable () -> Bool

    /// How often the log is looked at.
    static let interval = Duration.milliseconds(25)
    /// Longest piece of one line that is kept, in bytes; a longer line is cut into several.
    static let lineLimit = 64 << 10

    init(logPath: String, start: UInt64, isRunning: @escaping @Sendable () -> Bool) {
        self.logPath = logPath
        self.start = start
        self.isRunning = isRunning
    }

    /// The lines since the machine was started; ends when the machine does.
    ///
    /// Every iteration begins with the first line. The last line is delivered when it is complete, or when the
    /// machine has ended.
    public var lines: AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                var reader = ConsoleReader(path: logPath, offset: start)
                do {
                    while true {
                        // Asked before reading: what was written before the end is then read for certain.
                        let running = isRunning()
                        let progressed = try reader.read()
                        for line in reader.takeLines() { continuation.yield(line) }
                        if progressed { continue }
                        if !running { break }
                        try await Task.sleep(for: Self.interval)
                    }
                    if !reader.partialLine.isEmpty { continuation.yield(reader.partialLine) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// The last lines of the present boot, for messages.
    func tail(lines count: Int = 20) -> String {
        let size = (try? FileManager.default.attributesOfItem(atPath: logPath))?[.size] as? NSNumber
        let end = size?.uint64Value ?? 0
        var reader = ConsoleReader(path: logPath, offset: max(start, end > 16 << 10 ? end - 16 << 10 : 0))
        while (try? reader.read()) == true {}
        var lines = reader.takeLines()
        if !reader.partialLine.isEmpty { lines.append(reader.partialLine) }
        return lines.suffix(count).joined(separator: "\n")
    }
}

/// Reads a growing log and cuts it into lines.
struct ConsoleReader {
    private let path: String
    private var offset: UInt64
    private var handle: FileHandle?
    private var lines: [String] = []
    private var pending: [UInt8] = []

    init(path: String, offset: UInt64) {
        self.path = path
        self.offset = offset
    }

    /// Reads what is new, at most 256 KiB; false when there was nothing.
    mutating func read() throws(VirtualMachineError) -> Bool {
        do {
            if handle == nil {
                guard let opened = FileHandle(forReadingAtPath: path) else { return false }
                try opened.seek(toOffset: offset)
                handle = opened
            }
            guard let data = try handle?.read(upToCount: 256 << 10), !data.isEmpty else { return false }
            offset += UInt64(data.count)
            for byte in data {
                if byte == UInt8(ascii: "\n") || pending.count >= Console.lineLimit {
                    lines.append(Self.plain(pending))
                    pending.removeAll(keepingCapacity: true)
                    if byte == UInt8(ascii: "\n") { continue }
                }
                pending.append(byte)
            }
            return true
        } catch {
            throw .file(path: path, problem: "the console log cannot be read: \(error.localizedDescription)")
        }
    }

    /// Complete lines that were not taken yet.
    mutating func takeLines() -> [String] {
        defer { lines = [] }
        return lines
    }

    /// The first complete line that was not taken yet.
    mutating func takeLine() -> String? {
        lines.isEmpty ? nil : lines.removeFirst()
    }

    /// Forgets what there is of the line that is not complete yet.
    mutating func dropPartialLine() { pending = [] }

    /// The line that is not complete yet, such as a prompt.
    var partialLine: String { Self.plain(pending) }

    /// Text without carriage returns and terminal control sequences (ECMA-48 CSI, OSC and two-byte ones).
    static func plain(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 0x1b {
                index = endOfSequence(bytes, after: index)
            } else if byte >= 0x20 && byte != 0x7f || byte == UInt8(ascii: "\t") {
                text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func endOfSequence(_ bytes: [UInt8], after start: Int) -> Int {
        guard start < bytes.count else { return start }
        var index = start + 1
        switch bytes[start] {
        case UInt8(ascii: "["):
            // Parameters and intermediates, then one final byte.
            while index < bytes.count, (0x20...0x3f).contains(bytes[index]) { index += 1 }
            return min(index + 1, bytes.count)
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "^"), UInt8(ascii: "_"):
            // A string, ended by BEL or ESC \.
            while index < bytes.count {
                if bytes[index] == 0x07 { return index + 1 }
                if bytes[index] == 0x1b { return min(index + 2, bytes.count) }
                index += 1
            }
            return index
        case 0x20...0x2f:
            while index < bytes.count, (0x20...0x2f).contains(bytes[index]) { index += 1 }
            return min(index + 1, bytes.count)
        default:
            return index
        }
    }
}
