public import SettingsModel

extension SettingsStore {
    /// Begins a boot: drops weak values and transactions, takes the image's defaults.
    ///
    /// Makes a generation only if something changed: a layer, or the version of the settings model. A trial goes on
    /// (DESIGN.md section 6); one whose time is over ends, in the same generation.
    /// - Parameter defaults: the defaults of the running image.
    /// - Returns: the keys whose value in force changed, sorted.
    public func beginBoot(defaults: SettingsDocument) throws(StoreError) -> [SettingKey] {
        let before = current.settings
        let isDue = trialSecondsLeft == 0
        var layers = isDue ? try layersAfterTrial(isBoot: true) : current.layers
        layers.weak = SettingsDocument()
        layers.defaults = defaults
        try discardAll()
        let isOther = current.osVersion != osVersion || current.schemaVersion != options.migrations.current
        let isStale = current.schemaVersion != options.migrations.current
        guard isUnsaved || isDue || isStale || layers != current.layers else { return [] }
        let reason: Generation.Reason =
            isUnsaved ? .first : isDue ? .unconfirmed : isOther ? .osVersion : .boot
        var batch = Batch(empty: self)
        batch.add(layers, reason, Self.itself, on: self) { if isDue { $0 = nil } }
        try write(batch)
        tidy()
        return before.differences(from: current.settings).sorted()
    }

    /// Brings the strong and weak values of an older generation back, as a new generation.
    ///
    /// What this version does not know or allow any more is left out, with a warning. Nothing is written if nothing would
    /// change. During a trial the trial goes on, unless the generation is the one that would come back.
    /// - Returns: the keys whose value in force changed, sorted.
    /// - Throws: `StoreError`: `noSuchGeneration`, `unreadable` if it is damaged, `io`.
    public func restore(_ number: UInt64, by author: Generation.Author) throws(StoreError) -> [SettingKey] {
        let before = current.settings
        let (restored, notes) = try interpreted(number)
        var batch = try Batch(self)
        var layers = batch.base.layers
        layers.strong = restored.strong
        layers.weak = restored.weak
        let endsTrial = batch.base.trial?.previous == number
        if layers != batch.base.layers || endsTrial {
            batch.add(layers, .restore, author, on: self) { if endsTrial { $0 = nil } }
        } else if !batch.endsTrial {
            return []
        }
        try write(batch)
        notes.forEach(warn)
        tidy()
        return before.differences(from: current.settings).sorted()
    }
}
