import ContainerExec
import Foundation
import Glibc
import HostAPI
import Synchronization

/// Runs the commands of sessions as processes of this machine, over the same FIFOs.
///
/// A container is not needed to see what a session does. Its only target is `local`.
final class LocalRunner: ExecRunner {
    private struct Child: Sendable {
        var process: Int32
        var status: UInt32?
        var waiters: [CheckedContinuation<UInt32, Never>] = []
    }

    private let children = Mutex<[String: Child]>([:])
    private let removals = Mutex(0)

    /// The processes that were started and have not ended.
    var running: [Int32] { children.withLock { $0.values.filter { $0.status == nil }.map(\.process) } }
    /// How many commands were removed.
    var removed: Int { removals.withLock { $0 } }

    func start(_ command: ExecCommand, id: String, streams: ExecStreams) async throws(ContainerExecError) {
        guard command.target == "local" else { throw .unknownTarget(command.target) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, streams.input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, streams.output, O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, streams.errors ?? streams.output, O_WRONLY, 0)
        // The server's own connections too: they would stay open as long as the command runs.
        for descriptor in 3..<Int32(2048) { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Tests run on threads that block signals, and this process ignores SIGPIPE.
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let setSession: Int16 = 0x80
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | setSession
        )
        var arguments: [UnsafeMutablePointer<CChar>?] = command.arguments.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { for variable in environment { free(variable) } }
        var process: pid_t = 0
        guard let program = arguments[0] else {
            throw .notStarted(target: command.target, reason: "no program")
        }
        let error = posix_spawnp(&process, program, &actions, &attributes, &arguments, &environment)
        guard error == 0 else {
            throw .notStarted(target: command.target, reason: String(cString: strerror(error)))
        }
        children.withLock { $0[id] = Child(process: process) }
        let child = process
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            let code = signal == 0 ? UInt32(status >> 8 & 0xff) : 128 + UInt32(signal)
            let waiters = self.children.withLock { children in
                children[id]?.status = code
                return children[id]?.waiters ?? []
            }
            for waiter in waiters { waiter.resume(returning: code) }
        }
    }

    func wait(_ target: String, id: String) async throws(ContainerExecError) -> UInt32 {
        guard children.withLock({ $0[id] != nil }) else {
            throw .lost(target: target, reason: "there is no such command")
        }
        return await withCheckedContinuation { waiter in
            let status = children.withLock { children -> UInt32? in
                if let status = children[id]?.status { return status }
                children[id]?.waiters.append(waiter)
                return nil
            }
            if let status { waiter.resume(returning: status) }
        }
    }

    func resize(_ target: String, id: String, to size: ExecTerminalSize) async {}
    func closeInput(_ target: String, id: String) async -> Bool { true }

    func signal(_ target: String, id: String, _ number: Int32) async -> Bool {
        guard let child = children.withLock({ $0[id] }), child.status == nil else { return true }
        kill(-child.process, number)
        return true
    }

    func remove(_ target: String, id: String) async -> Bool {
        _ = await signal(target, id: id, SIGKILL)
        if children.withLock({ $0.removeValue(forKey: id) }) != nil { removals.withLock { $0 += 1 } }
        return true
    }
}
