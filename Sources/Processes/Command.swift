import Foundation

/// A program with its arguments, ready to be run any number of times.
///
/// A program runs without a shell, with `/dev/null` or the given bytes as standard input, in a process group
/// of its own. When the calling task is cancelled or the time limit is reached, the whole group gets SIGTERM
/// and, two seconds later, SIGKILL.
public struct Command: Sendable, Equatable {
    /// The program: a path when it has a slash, else a name searched for in PATH and the sbin directories.
    public var executable: String
    /// The arguments, without the program's own name.
    public var arguments: [String]
    /// The complete environment, or nil to inherit the caller's.
    public var environment: [String: String]?
    /// Variables set on top of ``environment``.
    public var environmentOverrides: [String: String]
    /// The directory the program starts in, or nil for the caller's.
    public var workingDirectory: String?
    /// How long the program may run.
    public var timeout: Duration
    /// How many bytes the program may write on standard output.
    public var outputLimit: Int
    /// What to tell the user when the program is not found, or nil for a general advice.
    public var remedy: String?

    /// Describes a program's run; nothing is started yet.
    public init(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String]? = nil,
        environmentOverrides: [String: String] = [:],
        workingDirectory: String? = nil,
        timeout: Duration = .seconds(600),
        outputLimit: Int = 64 << 20,
        remedy: String? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.environmentOverrides = environmentOverrides
        self.workingDirectory = workingDirectory
        self.timeout = timeout
        self.outputLimit = outputLimit
        self.remedy = remedy
    }

    /// The command as it would be typed into a shell, cut to a readable length.
    public var commandLine: String {
        let words = ([executable] + arguments).map(Self.quoted)
        let line = words.joined(separator: " ")
        return line.count <= 400 ? line : "\(line.prefix(400))…"
    }

    /// The environment the program gets.
    var effectiveEnvironment: [String: String] {
        (environment ?? ProcessInfo.processInfo.environment)
            .merging(environmentOverrides) { _, override in override }
    }

    /// The path of the program's file.
    ///
    /// The sbin directories are searched last because an ordinary user's PATH on Debian lacks them, and tools
    /// like `mkfs.vfat` live there.
    ///
    /// - Throws: `ProcessError.notFound` when there is no such executable file.
    public func resolvedExecutable() throws(ProcessError) -> String {
        let found: String?
        if executable.contains("/") {
            found = Self.isExecutableFile(executable, relativeTo: workingDirectory) ? executable : nil
        } else {
            let path = effectiveEnvironment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
            let directories =
                path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/sbin"]
            found = directories.lazy.map { "\($0)/\(executable)" }
                .first { Self.isExecutableFile($0, relativeTo: workingDirectory) }
        }
        guard let found, !executable.isEmpty else {
            throw .notFound(executable: executable, remedy: remedy ?? defaultRemedy)
        }
        return found
    }

    private var defaultRemedy: String {
        executable.contains("/")
            ? "install the package that brings this file, or check its permissions"
            : "install the Debian package that brings it ('apt-file search bin/\(executable)' names it) "
                + "or correct PATH"
    }

    private static func isExecutableFile(_ path: String, relativeTo directory: String?) -> Bool {
        let absolute = path.hasPrefix("/") ? path : directory.map { "\($0)/\(path)" } ?? path
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: absolute, isDirectory: &isDirectory)
            && !isDirectory.boolValue
            && FileManager.default.isExecutableFile(atPath: absolute)
    }

    private static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                return true
            default:
                return "-_./:=@%+,~".utf8.contains(byte)
            }
        }
        if plain && !word.isEmpty { return word }
        return "'" + word.replacing("'", with: #"'\''"#) + "'"
    }
}

/// What a program left behind when it ended.
public struct CommandOutput: Sendable, Equatable {
    /// How the program ended.
    public let status: ExitStatus
    /// All bytes of standard output.
    public let standardOutput: [UInt8]
    /// The last 64 KiB of standard error, as text.
    public let standardError: String
    /// How long the program ran.
    public let duration: Duration

    /// Standard output as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: standardOutput, as: UTF8.self) }
}
