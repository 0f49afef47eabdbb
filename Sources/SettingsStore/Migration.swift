public import SettingsModel

/// One change of the settings model between a version and the next, in both directions.
///
/// It is put to each layer of a generation (strong, weak, defaults) by itself, so it must not count on a key to be there.
public struct Migration: Sendable {
    /// What it does, in a few words; unique in its graph.
    public let name: String
    /// The version it starts from.
    public let from: Int
    /// From the version to the next.
    public let forward: @Sendable (SettingsDocument) -> SettingsDocument
    /// From the next version back.
    public let backward: @Sendable (SettingsDocument) -> SettingsDocument

    /// The version it leads to.
    public var to: Int { from + 1 }

    /// A migration with code of its own.
    public init(
        name: String,
        from: Int,
        forward: @escaping @Sendable (SettingsDocument) -> SettingsDocument,
        backward: @escaping @Sendable (SettingsDocument) -> SettingsDocument
    ) {
        self.name = name
        self.from = from
        self.forward = forward
        self.backward = backward
    }

    /// A migration made of steps; back they are undone in reverse order.
    public init(name: String, from: Int, _ steps: MigrationStep...) {
        self.init(
            name: name,
            from: from,
            forward: { document in steps.reduce(document) { $1.forward($0) } },
            backward: { document in steps.reversed().reduce(document) { $1.backward($0) } }
        )
    }
}

/// A building block of migrations, usable in both directions.
public struct MigrationStep: Sendable {
    /// To the newer form.
    public let forward: @Sendable (SettingsDocument) -> SettingsDocument
    /// To the older form.
    public let backward: @Sendable (SettingsDocument) -> SettingsDocument

    /// A step with code of its own.
    public init(
        forward: @escaping @Sendable (SettingsDocument) -> SettingsDocument,
        backward: @escaping @Sendable (SettingsDocument) -> SettingsDocument
    ) {
        self.forward = forward
        self.backward = backward
    }

    /// The step the other way round.
    public var reversed: MigrationStep { MigrationStep(forward: backward, backward: forward) }
}
