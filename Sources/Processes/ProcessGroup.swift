import Foundation

extension Command {
    /// Makes writing to a program that has closed its input an error instead of the end of this process.
    ///
    /// Subprocess gives its children the default signal dispositions back, so they don't notice.
    static let brokenPipesAreErrors: Bool = {
        signal(SIGPIPE, SIG_IGN)
        return true
    }()

    /// In a cancelled task, waits for the program to end and then kills what is left of its process group.
    ///
    /// Subprocess's teardown signals the group too, but it stops as soon as the program itself has gone, and a
    /// descendant which ignores SIGTERM would live on. Until this function returns the program's process
    /// identifier is not reaped, so that it cannot have been given to another process.
    ///
    /// - Returns: Whether the task is cancelled, and the program's result thus of no use.
    @discardableResult
    static func endGroupIfCancelled(_ process: pid_t) async -> Bool {
        guard Task.isCancelled else { return false }
        // The sleeps must not be cut short by the cancellation that brought us here.
        await Task.detached {
            let deadline = ContinuousClock.now + terminationGrace
            while !hasEnded(process), ContinuousClock.now < deadline {
                try? await Task.sleep(for: .milliseconds(20))
            }
        }.value
        kill(-process, SIGKILL)
        return true
    }

    /// Whether a child has ended, without reaping it.
    private static func hasEnded(_ process: pid_t) -> Bool {
        var information = siginfo_t()
        let result = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
        return result != 0 || information.si_signo == SIGCHLD
    }
}
