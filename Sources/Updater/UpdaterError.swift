public import HostAPI
public import Rollout

/// Why a command of the updater was not done.
public enum UpdaterError: Error, Equatable, CustomStringConvertible {
    /// Another command is at work.
    case busy(UpdateStatus.Command.Kind)
    /// The state does not allow the command.
    case notAllowed(UpdateStatus.Command.Kind, state: UpdateStatus.State)
    /// What was asked for by name can't be taken, for this reason, and another release is staged.
    case noUpdate(NoUpdateReason)
    /// What was asked for by name can't be taken as long as the next boot is that of another release.
    case otherIsActivated(version: String, activated: String)
    /// What was chosen is not offered any more.
    case notOffered(version: String)
    /// What was chosen is older than what runs by now, so that the boot loader would never try it.
    case olderRelease(version: String, running: String)
    /// What would be taken back runs, and is on trial.
    case trialRuns(version: String)
    /// Nothing is staged that could be activated or taken back.
    case nothingStaged
    /// The other slot holds nothing that could be booted again.
    case nothingToReturnTo(reason: String)
    /// The settings of updates do not say where they come from, or can't be used.
    case configuration(String)
    /// What the running system is can't be told.
    case system(String)
    /// The repository's metadata could not be had or are not to be trusted.
    case metadata(String)
    /// A release is not what its metadata say, or not one for this host.
    case release(String)
    /// A file of a release could not be had.
    case fetch(String)
    /// The disk could not be read or written; the slot that runs is as it was.
    case disk(String)
    /// The updater's own record could not be read or written.
    case record(path: String, reason: String)
    /// The command was stopped.
    case cancelled

    /// What is wrong, and what to do.
    public var description: String {
        switch self {
        case .busy(let kind):
            "'\(kind.rawValue)' is at work: wait until it has ended (GET /updates/status)"
        case .notAllowed(.prepare, .idle):
            "no update was chosen: look for updates first ('refresh')"
        case .notAllowed(let kind, let state):
            "'\(kind.rawValue)' is not possible in the state '\(state.rawValue)'\(Self.way(kind))"
        case .noUpdate(let reason): reason.description
        case .otherIsActivated(let version, let activated):
            """
            \(activated) is activated: reboot into it, or take it back ('deactivate'), and then ask for \(version) again
            """
        case .notOffered(let version):
            "the repository does not offer \(version) any more: look for updates again ('refresh')"
        case .olderRelease(let version, let running):
            """
            \(version) is older than \(running), which runs: the boot loader starts the newest entry and would never try \
            it; go back to the other slot if that holds it ('rollback'), or publish it again under a newer version
            """
        case .trialRuns(let version):
            """
            \(version) runs and is on trial: wait until it is committed, or leave it with 'updater rollback --reboot'
            """
        case .nothingStaged: "no update is staged: write one to the inactive slot first ('prepare')"
        case .nothingToReturnTo(let reason):
            "there is no release to go back to: \(reason); install the one that you want ('update -i VERSION')"
        case .configuration(let reason), .system(let reason), .metadata(let reason), .release(let reason),
            .fetch(let reason), .disk(let reason):
            reason
        case .record(let path, let reason): "'\(path)' \(reason)"
        case .cancelled: "the command was stopped; the next 'prepare' goes on from what is there"
        }
    }

    private static func way(_ kind: UpdateStatus.Command.Kind) -> String {
        switch kind {
        case .refresh: ""
        case .prepare: ": take the staged update back first ('deactivate')"
        case .activate: ": stage an update first ('prepare')"
        case .deactivate: ": only an update that was activated can be taken back"
        }
    }

    /// The exit status of the updater's command line, as Bottlerocket's `thar-be-updates` has it: 64 another command is
    /// at work, 65 not allowed in this state, 66 no such update, 67 nothing staged, 1 anything else.
    public var exitStatus: Int32 {
        switch self {
        case .busy: 64
        case .notAllowed, .otherIsActivated, .trialRuns: 65
        case .noUpdate, .notOffered, .olderRelease, .nothingToReturnTo: 66
        case .nothingStaged: 67
        default: 1
        }
    }
}
