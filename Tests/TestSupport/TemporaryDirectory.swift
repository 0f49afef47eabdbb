public import Foundation
import Glibc

/// A directory under the system's temporary directory that is removed when the value goes away.
public final class TemporaryDirectory: Sendable {
    /// Where the directory is.
    public let url: URL
    /// The same as a plain path.
    public var path: String { url.path }

    /// Makes a new, empty directory.
    public init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "bulkhead-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    /// The path of an entry of the directory, whether it exists or not.
    public func file(_ name: String) -> String { url.appending(path: name).path }
}

/// Runs a program found in PATH to its end and returns its exit status and what it wrote.
///
/// Used to ask independent tools (sgdisk, veritysetup, mtools ...) what they think of our output.
public func runTool(_ name: String, _ arguments: String...) throws -> (status: Int32, output: String) {
    try runTool(name, arguments)
}

/// Runs a program found in PATH to its end and returns its exit status and what it wrote.
public func runTool(_ name: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [name] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = (environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    environment["LC_ALL"] = "C.UTF-8"
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.runWithDefaultMask()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}

extension Process {
    /// Starts it with no signal blocked.
    ///
    /// `run` hands down the mask of the calling thread, and the threads that tests run on block most signals: what they
    /// start would not end at SIGTERM, and timeout(1) would be in vain.
    func runWithDefaultMask() throws {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try run()
    }
}
