import Glibc
internal import SmallFiles

/// The files of a host, below a directory that is "/" on a real one.
public struct HostFiles: Sendable {
    /// Nothing that the checks read is larger.
    private static let maximumFileSize = 1 << 20

    /// open(2)'s O_TMPFILE, which the headers show to GNU programs only.
    private static let withoutName = 0o20_000_000 | O_DIRECTORY

    /// The directory that holds the host's root; "/" or, in tests, a folder made for the purpose.
    public let root: String

    /// A host whose root is at a path.
    public init(root: String = "/") {
        self.root = root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    /// Where an absolute path of the host is found by this process.
    public func path(_ path: String) -> String { root + path }

    /// Whether something exists at a path, symbolic links followed.
    public func exists(_ path: String) -> Bool { access(self.path(path), F_OK) == 0 }

    /// The text of a small file without the white space around it; nil when it cannot be read or is too large.
    public func read(_ path: String) -> String? {
        readBytes(path).map { Self.trim(String(decoding: $0, as: UTF8.self)) }
    }

    /// The random id that the kernel gave the running boot.
    public var bootID: String? { read("/proc/sys/kernel/random/boot_id") }

    /// The bytes of a small file; nil when it cannot be read or is too large.
    func readBytes(_ path: String) -> [UInt8]? {
        try? readSmallFile(self.path(path), maximumLength: Self.maximumFileSize)
    }

    /// Why nothing can be written in a directory, durably; nil when it can be, or is only full.
    ///
    /// The file it tries with has no name. What is full is the same for another release: no reason to go back to one.
    func writeProblem(in directory: String) -> String? {
        let descriptor = open(path(directory), Self.withoutName | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return Self.writeProblem(errno) }
        defer { close(descriptor) }
        guard write(descriptor, "x", 1) == 1, fsync(descriptor) == 0 else { return Self.writeProblem(errno) }
        return nil
    }

    private static func writeProblem(_ number: Int32) -> String? {
        [ENOSPC, EDQUOT].contains(number) ? nil : String(cString: strerror(number))
    }

    /// The absolute path a path leads to when all its symbolic links are followed; nil when it leads nowhere.
    public func resolve(_ path: String) -> String? {
        guard let resolved = realpath(self.path(path), nil) else { return nil }
        defer { free(resolved) }
        let text = String(cString: resolved)
        return text.hasPrefix(root) ? String(text.dropFirst(root.count)) : text
    }

    /// The mounts of this process, from /proc/self/mountinfo, in the order in which they were made.
    public var mounts: [Mount] {
        (read("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap {
            Mount(mountInfo: String($0))
        }
    }

    /// The mount that is visible at a mount point: the last one made there.
    public func mount(at point: String) -> Mount? {
        mounts.last { $0.point == point }
    }

    private static func trim(_ text: String) -> String {
        let isBlank: (Character) -> Bool = { $0.isWhitespace }
        return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}

/// A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
public struct Mount: Sendable, Equatable {
    /// Major and minor device number, as "MAJOR:MINOR".
    public let device: String
    /// Where it is mounted.
    public let point: String
    /// File system type.
    public let type: String
    /// Options of the mount and of its file system.
    public let options: Set<String>

    /// Reads one line; nil when it has not the fields the manual describes.
    public init?(mountInfo line: String) {
        let fields = line.split(separator: " ").map(String.init)
        guard fields.count >= 9,
            let separator = fields.dropFirst(6).firstIndex(of: "-"), separator + 3 < fields.count
        else { return nil }
        device = fields[2]
        point = Self.unescape(fields[4])
        type = fields[separator + 1]
        options = Set("\(fields[5]),\(fields[separator + 3])".split(separator: ",").map(String.init))
    }

    /// Spaces, tabs, line feeds and backslashes are written as three octal digits.
    private static func unescape(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let first = rest.popFirst() {
            let octal = rest.prefix(3)
            if first == UInt8(ascii: "\\"), octal.count == 3,
                let value = UInt8(String(decoding: octal, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(first)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
