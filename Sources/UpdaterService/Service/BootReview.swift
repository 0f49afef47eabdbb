import BootSlots
import Glibc
import HostAPI
import HostHealth
import Logging
import Updater

/// What is done once a boot: to look what became of a trial, and to commit it.
struct BootReview: Sendable {
    let host: UpdateHost
    let logger: Logger

    private var marker: String { host.runtimeFolder + "/reviewed" }

    /// Looks what became of a trial and repairs the ESP, once after each start of the machine.
    ///
    /// What can't be done is logged: the commands say it again, and the next start of the service tries again.
    func review(_ updater: Updater) async {
        guard access(marker, F_OK) != 0 else { return }
        do throws(UpdaterError) {
            let (trial, findings) = try await updater.review(
                boot(of: updater),
                reason: await reason(for: updater)
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
            return logger.error("the boot entries can't be looked after: \(error)")
        }
        let descriptor = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Commits the running boot; a record of the trial that failed before it goes.
    func commit(_ updater: Updater) async throws(UpdaterError) {
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

    /// Why the release that is staged failed, if the boot that failed left word.
    private func reason(for updater: Updater) async -> String? {
        do throws(BootFailureRecordError) {
            guard let record = try BootFailureRecord.load(from: host.files),
                record.version == (await updater.status?.stagingPartition?.image.version)
            else { return nil }
            let reasons = record.reasons.map { "\($0.kind.rawValue) \($0.name): \($0.detail)" }
            return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
        } catch {
            logger.warning("\(error)")
            return nil
        }
    }
}
