internal import JSON

/// Which sources of user data this host has taken: noted in the store's folder once their settings are committed.
///
/// User data is for the first boot. A source that could not be read then (a network that was down) is asked again at
/// the next boots; those that were taken are not, as people may have changed their settings since.
struct UserDataMarker {
    /// The name of the note that everything was taken; a unit's condition has it, too.
    static let complete = "user-data.applied"
    /// The name of the note that some sources are still to be taken.
    static let partial = "user-data.partial"
    /// The name of the note, beside the host's runtime files, that is kept until the settings are committed.
    static let staged = "user-data.staged"
    /// Bytes of a note: 10,000 settings, whose keys are those of at most four documents of 1 MiB.
    private static let limit = 8 << 20

    let store: String
    let runtime: String

    /// The paths of the three notes.
    var completePath: String { "\(store)/\(Self.complete)" }
    var partialPath: String { "\(store)/\(Self.partial)" }
    var stagedPath: String { "\(runtime)/\(Self.staged)" }

    /// Whether all sources were taken.
    func isComplete() throws(StepError) -> Bool { try SmallFile.read(completePath, limit: Self.limit) != nil }

    /// What earlier boots took.
    func taken() throws(StepError) -> TakenUserData {
        try note(partialPath)?.taken ?? TakenUserData()
    }

    /// Notes that settings of user data are pending.
    ///
    /// - Parameters:
    ///   - taken: what was taken, now and before.
    ///   - isComplete: whether these are all sources.
    func stage(_ taken: TakenUserData, isComplete: Bool) throws(StepError) {
        var note: [String: JSONValue] = ["sources": taken.names, "complete": .bool(isComplete)]
        if !isComplete { note["values"] = taken.values }
        try SmallFile.write(JSONValue.object(note).description + "\n", to: stagedPath)
    }

    /// Takes the pending note back, when the settings that it is about are dropped.
    func unstage() throws(StepError) { try SmallFile.remove(stagedPath) }

    /// Makes the pending note a durable one, after the commit; does nothing if there is none.
    func promote() throws(StepError) {
        guard let text = try SmallFile.read(stagedPath, limit: Self.limit), let staged = try note(stagedPath)
        else {
            return
        }
        try SmallFile.write(text, to: staged.isComplete ? completePath : partialPath)
        if staged.isComplete { try SmallFile.remove(partialPath) }
        try SmallFile.remove(stagedPath)
    }

    private func note(_ path: String) throws(StepError) -> (taken: TakenUserData, isComplete: Bool)? {
        guard let text = try SmallFile.read(path, limit: Self.limit) else { return nil }
        // A note that can't be read says nothing: user data is taken again, which is better than never.
        guard let json = try? JSONValue(parsing: text, limits: JSONLimits(bytes: Self.limit)) else {
            return nil
        }
        return (TakenUserData(names: json["sources"], values: json["values"]), json["complete"]?.bool == true)
    }
}
