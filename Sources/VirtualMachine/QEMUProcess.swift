import Foundation
import Subprocess
import Synchronization
import SystemPackage

/// One run of QEMU: a task that ends when the process does, and kills it when it is cancelled.
final class QEMUProcess: Sendable {
    private let state = Mutex<Result<TerminationStatus, VirtualMachineError>?>(nil)
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let program: String

    /// Starts the program with its messages (and, for a trial, its output) in a file.
    init(_ architecture: VirtualMachine.Architecture, arguments: [String], messages: String) {
        let program = architecture.program
        self.program = program
        let task = Task {
            let result = await Self.execute(architecture, arguments, messages)
            state.withLock { $0 = result }
        }
        self.task.withLock { $0 = task }
    }

    /// How the process ended; nil while it runs.
    ///
    /// - Throws: Why it could not be started.
    var ended: TerminationStatus? {
        get throws(VirtualMachineError) {
            guard let result = state.withLock({ $0 }) else { return nil }
            return try result.get()
        }
    }

    var isRunning: Bool { state.withLock { $0 == nil } }

    /// Kills the process if it still runs, as if the power failed, and waits until it is gone.
    func kill() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private static func execute(
        _ architecture: VirtualMachine.Architecture,
        _ arguments: [String],
        _ messages: String
    ) async -> Result<TerminationStatus, VirtualMachineError> {
        let program = architecture.program
        do {
            let log = try FileDescriptor.open(
                FilePath(messages),
                .writeOnly,
                options: [.create, .truncate, .append, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead]
            )
            defer { try? log.close() }
            var options = PlatformOptions()
            // No time to shut down when cancelled, and no process group of its own: Ctrl-C at the terminal ends
            // QEMU together with this program.
            options.teardownSequence = []
            let result = try await run(
                .name(program),
                arguments: Arguments(arguments),
                platformOptions: options,
                output: .fileDescriptor(log, closeAfterSpawningProcess: false),
                error: .fileDescriptor(log, closeAfterSpawningProcess: false)
            )
            return .success(result.terminationStatus)
        } catch let error as SubprocessError where error.code == .executableNotFound {
            return .failure(.programMissing(name: program, package: architecture.programPackage))
        } catch {
            return .failure(.start(program: program, problem: "\(error)"))
        }
    }
}
