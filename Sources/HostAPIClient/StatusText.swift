public import HostAPI
import Presentation

/// The status of an update for people.
public enum StatusText {
    /// A line for each part of it, safe for a terminal.
    public static func lines(_ status: UpdateStatus) -> [String] {
        var table = TextTable(alignments: [.left, .left])
        func add(_ title: String, _ text: String) { table.add(title, HumanText.safe(text)) }
        add("state", status.state.rawValue)
        add(
            "available",
            status.availableUpdates.isEmpty ? "none" : status.availableUpdates.joined(separator: ", ")
        )
        add("chosen", status.chosenUpdate.map(name) ?? "none")
        if let reason = status.noUpdateReason { add("", reason) }
        add("active slot", status.activePartition.map(slot) ?? "unknown")
        add("other slot", status.stagingPartition.map(slot) ?? "nothing is staged")
        if let failure = status.failedUpdate {
            add("failed", "\(failure.version), \(failure.time): \(failure.reason)")
        }
        let command = status.mostRecentCommand
        add("last command", "\(command.kind.rawValue): \(command.status.rawValue), \(command.timestamp)")
        if let text = command.stderr, !text.isEmpty { add("", text) }
        return table.lines(indent: 0)
    }

    /// An image in a few words.
    public static func name(_ image: UpdateStatus.Image) -> String {
        "\(image.variant) \(image.version) (\(image.arch))"
    }

    private static func slot(_ slot: UpdateStatus.Slot) -> String {
        name(slot.image) + (slot.nextToBoot ? ", next to boot" : "")
    }
}
