import Foundation
import Glibc
import Synchronization

/// A containerd(8) of a test's own: the one of the images' lock, not the build machine's.
///
/// It has a mount namespace of its own with a cgroup2, so that containers start on machines with an old layout of cgroups
/// and none of their mounts is ever seen outside. Everything ends with the value, or with the process, even when that is
/// killed.
public final class Containerd: Sendable {
    /// One for all tests that do it no harm.
    public static var shared: Containerd {
        get throws { try sharedResult.get() }
    }

    private static let sharedResult = Result { try Containerd() }

    /// Where everything of it is.
    public let folder: String
    /// Where it listens.
    public var socket: String { "\(folder)/state/containerd.sock" }
    /// A folder for the records of runc and its like.
    public var runtimeRoot: String { "\(folder)/runtimes" }

    private let place: TemporaryDirectory
    private let holder: Int32
    private let daemon = Mutex<Int32?>(nil)

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Starts one, and waits until it listens.
    ///
    /// - Parameter disk: the bytes that it can store; nil for as many as the machine has.
    public init(disk: Int? = nil) throws {
        let programs = try ContainerdPrograms.shared.get()
        place = try TemporaryDirectory()
        let folder = place.path
        self.folder = folder
        try FileManager.default.createDirectory(
            atPath: "\(folder)/runtimes",
            withIntermediateDirectories: true
        )
        try Data(Self.configuration(folder).utf8).write(to: place.url.appending(path: "config.toml"))
        Ends.add(folder)
        let name = place.url.lastPathComponent
        let limit =
            disk.map { "mkdir '\(folder)/root' && mount -t tmpfs -o size=\($0) none '\(folder)/root' &&" }
            ?? ""
        let script = """
            umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && mkdir -p /run/containerd \
            && mount -t tmpfs none /run/containerd && mkdir /sys/fs/cgroup/\(name) \
            && mount --bind '\(folder)' '\(folder)' && \(limit) touch '\(folder)/ready' || exit 1
            while kill -0 \(getpid()) 2>/dev/null; do sleep 1; done
            for list in /proc/[0-9]*/mountinfo; do
              process=${list#/proc/}; process=${process%/mountinfo}
              [ $process = $$ ] || ! grep -qs '\(folder)' $list /proc/$process/cmdline \
                || kill -9 $process
            done
            sleep 1; find /sys/fs/cgroup/\(name) -depth -type d -exec rmdir {} +
            umount -R -l '\(folder)'; rm -rf '\(folder)'
            """
        let arguments = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]
        holder = try spawn(arguments, log: "\(folder)/holder.log", path: programs.folder)
        for _ in 0..<400 where !FileManager.default.fileExists(atPath: "\(folder)/ready") { usleep(20_000) }
        guard FileManager.default.fileExists(atPath: "\(folder)/ready") else {
            throw Failure(description: "no mount namespace: \(text("holder.log"))")
        }
        try start()
    }

    deinit { Ends.end(folder) }

    /// Starts it, again after `kill`, and waits until it listens.
    public func start() throws {
        let programs = try ContainerdPrograms.shared.get()
        let arguments = inside(["containerd", "--config", "\(folder)/config.toml"])
        let process = try spawn(arguments, log: "\(folder)/log", path: programs.folder)
        daemon.withLock { $0 = process }
        for _ in 0..<1000 {
            if isListening(socket) { return }
            usleep(20_000)
        }
        throw Failure(description: "containerd does not listen: \(text("log").suffix(2000))")
    }

    /// Kills it without warning; containers go on.
    public func kill() {
        guard let process = daemon.withLock({ $0.take() }) else { return }
        Glibc.kill(process, SIGKILL)
        waitpid(process, nil, 0)
        unlink(socket)
    }

    /// The number of its process; nil while it does not run.
    public var process: Int32? { daemon.withLock { $0 } }

    /// Runs ctr(8) of the same package.
    public func ctr(_ namespace: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        let programs = try ContainerdPrograms.shared.get()
        return try runTool(
            "nsenter",
            ["-t", "\(holder)", "-m", "\(programs.folder)/ctr", "-a", socket, "-n", namespace] + arguments
        )
    }

    /// What is mounted below its folder: root file systems of containers.
    public var mounts: [String] {
        let lines = (try? String(contentsOfFile: "/proc/\(holder)/mountinfo", encoding: .utf8)) ?? ""
        return lines.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[4].hasPrefix("\(folder)/") else { return nil }
            return String(fields[4])
        }
    }

    /// The processes that live in its containers or take care of one.
    public var processes: [Int32] {
        let own = [holder, process ?? 0]
        return Ends.processes(of: folder).filter { !own.contains($0) }
    }

    /// Where a container's processes may be counted: `linux.cgroupsPath` of its specification.
    public func cgroup(_ container: String) -> String { "/\(place.url.lastPathComponent)/\(container)" }

    /// The last lines that it logged.
    public var log: String { String(text("log").suffix(4000)) }

    private func inside(_ arguments: [String]) -> [String] {
        ["nsenter", "-t", "\(holder)", "-m"] + arguments
    }

    private func text(_ name: String) -> String {
        (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
    }

    private static func configuration(_ folder: String) -> String {
        """
        version = 2
        root = "\(folder)/root"
        state = "\(folder)/state"
        disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
          "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
          "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp",
          "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt",
          "io.containerd.internal.v1.restart"]
        [grpc]
          address = "\(folder)/state/containerd.sock"
        [ttrpc]
          address = "\(folder)/state/containerd.sock.ttrpc"
        """
    }
}

/// Ends what containerds have left.
private enum Ends {
    private static let folders = Mutex<(known: Set<String>, isRegistered: Bool)>(([], false))

    static func add(_ folder: String) {
        folders.withLock {
            $0.known.insert(folder)
            guard !$0.isRegistered else { return }
            $0.isRegistered = true
            atexit { for folder in Ends.folders.withLock({ $0.known }) { Ends.end(folder) } }
        }
    }

    /// Kills all processes that have to do with a folder, which only those of its containerd have, and removes it.
    static func end(_ folder: String) {
        folders.withLock { _ = $0.known.remove(folder) }
        for _ in 0..<50 {
            let left = processes(of: folder)
            guard !left.isEmpty else { break }
            for process in left { kill(process, SIGKILL) }
            usleep(20_000)
            // Those that are our own children stay until somebody asks for them.
            for process in left { waitpid(process, nil, WNOHANG) }
        }
        try? FileManager.default.removeItem(atPath: folder)
        removeCgroup(URL(filePath: folder).lastPathComponent)
    }

    static func processes(of folder: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { process in
            // gVisor's processes see no mounts of ours, but are called with a folder of ours.
            process != getpid()
                && ["mountinfo", "cmdline"].contains { name in
                    let data = FileManager.default.contents(atPath: "/proc/\(process)/\(name)") ?? Data()
                    return data.range(of: Data(folder.utf8)) != nil
                }
        }
    }

    /// Removes the groups of all containers, in a mount namespace of its own.
    private static func removeCgroup(_ name: String) {
        let script = """
            umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup \
            && find /sys/fs/cgroup/\(name) -depth -type d -exec rmdir {} +
            """
        _ = try? runTool("unshare", "-m", "--propagation", "private", "sh", "-c", script)
    }
}

/// Starts a program found in PATH, with all signals as they are by default: what runs in containers must get them.
private func spawn(_ arguments: [String], log: String, path: String) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Nothing that the tests have open may stay open in what outlives them.
    for descriptor in 3..<min(1024, Int32(sysconf(Int32(_SC_OPEN_MAX)))) {
        posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    // What kills the group of the tests must not kill what then cleans up.
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
        &attributes,
        Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETPGROUP)
    )
    let environment = ["PATH=\(path):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    var process: pid_t = 0
    let words = (["/usr/bin/env"] + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup($0) } + [nil]
    defer { for text in words + variables { free(text) } }
    let status = posix_spawn(&process, "/usr/bin/env", &actions, &attributes, words, variables)
    guard status == 0 else {
        throw POSIXError(POSIXErrorCode(rawValue: status) ?? .EIO)
    }
    return process
}

/// Whether somebody listens on a Unix socket.
private func isListening(_ path: String) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
    }
}
