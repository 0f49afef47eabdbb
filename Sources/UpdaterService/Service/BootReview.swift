import BootSlots
import Glibc
import HostAPI
import HostHealth
import Logging
import Synchronization
import Updater

/// What is done once a boot: to look what became of a trial, and to commit it.
final class BootReview: Sendable {
    private let host: UpdateHost
    private let logger: Logger
    /// Whether this process has done it: the marker is for the next one.
    private let isDone = Mutex(false)

    init(host: UpdateHost, logger: Logger) {
        self.host = host
        self.logger = logger
    }

    private var marker: String { host.runtimeFolder + "/reviewed" }

    /// Looks what became of a trial and repairs the ESP, once after each start of the machine.
    ///
    /// - Throws: what it could not do, which is logged as well; the next command that changes something tries again, and
    ///   so does the next start of the service.
    func review(_ updater: Updater) async throws(UpdaterError) {
        guard !isDone.withLock({ $0 }) else { return }
        do throws(UpdaterError) {
            guard access(marker, F_OK) != 0 else {
                // A service before this one has; what it was killed at is taken up.
                try await updater.finishActivation()
                return isDone.withLock { $0 = true }
            }
            let (trial, findings) = try await updater.review(
                boot(of: updater),
                failedBoot: await failedBoot(of: updater)
            )
            for finding in findings {
                logger.warning("boot entries: \(finding)", metadata: ["UPDATE_FINDING": "\(finding)"])
            }
            switch trial {
            case .none: break
            case .running(let version):
                logger.notice("\(version) is on trial", metadata: ["UPDATE_VERSION": "\(version)"])
            case .failed(let version, let reason):
                logger.error(
                    "\(version) failed its trial, and the host went back: \(reason)",
                    metadata: ["UPDATE_VERSION": "\(version)", "UPDATE_REASON": "\(reason)"]
                )
            }
        } catch {
            logger.error("the boot entries can't be looked after: \(error)")
            throw error
        }
        isDone.withLock { $0 = true }
        let descriptor = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Commits the running boot; a record of the trial that failed before it goes.
    func commit(_ updater: Updater) async throws(UpdaterError) {
        // What it could not do is in the journal; it may be what a look for updates at work keeps it from.
        try? await review(updater)
        try await updater.commit(boot(of: updater))
        logger.notice("the running release has proved itself: its boot entry is committed")
        do throws(BootFailureRecordError) {
            try BootFailureRecord.remove(from: host.files)
        } catch {
            logger.warning("\(error)")
        }
    }

    private func boot(of updater: Updater) -> RunningBoot {
        RunningBoot(rootHash: updater.runningRootHash, bootCountPath: Trial.entry(on: host.files))
    }

    /// What a boot of the release that is staged left, if it left word.
    private func failedBoot(of updater: Updater) async -> Updater.FailedBoot? {
        do throws(BootFailureRecordError) {
            guard let record = try BootFailureRecord.load(from: host.files),
                record.version == (await updater.stagedVersion)
            else { return nil }
            let reasons = record.reasons.map { "\($0.kind.rawValue) \($0.name): \($0.detail)" }
            guard !reasons.isEmpty else { return nil }
            return Updater.FailedBoot(bootID: record.bootID, reason: reasons.joined(separator: "; "))
        } catch {
            logger.warning("\(error)")
            return nil
        }
    }
}
