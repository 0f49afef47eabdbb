public import SettingsModel

extension SettingsStore {
    /// Seconds until an unconfirmed generation must go; nil if there is none, 0 if its time is over.
    ///
    /// The process that began the trial counts the seconds since, whatever the clock is set to meanwhile: the first time
    /// from the network must not end it. A later process counts by the wall clock, so that time passes while the host is
    /// off, but never more than the trial's length since the store was opened.
    public var trialSecondsLeft: Int64? {
        guard let trial = current.trial else { return nil }
        let passed = max(0, options.uptime().subtractingWithSaturation(trialBegan))
        let byUptime = trial.seconds.subtractingWithSaturation(passed)
        if isTrialOfThisProcess { return max(0, byUptime) }
        let byClock = trial.deadline.subtractingWithSaturation(now())
        return max(0, min(byClock, byUptime, trial.seconds))
    }

    /// Ends the trial of the current generation: it stays.
    ///
    /// - Throws: `StoreError.notOnTrial`, also when its time is over; `io`.
    public func confirm(by author: Generation.Author) throws(StoreError) {
        guard let left = trialSecondsLeft, left > 0 else { throw .notOnTrial }
        var batch = Batch(empty: self)
        batch.add(current.layers, .confirm, author, on: self) { $0 = nil }
        try write(batch)
        tidy()
    }

    /// Takes an unconfirmed generation back whose time is over, and everything that was committed after it.
    ///
    /// - Returns: the keys whose value in force changed; nil if there was nothing to do.
    public func endTrialIfDue() throws(StoreError) -> [SettingKey]? {
        guard trialSecondsLeft == 0 else { return nil }
        let before = current.settings
        try write(try Batch(self))
        tidy()
        return before.differences(from: current.settings).sorted()
    }

    /// The layers that come back after a trial.
    func layersAfterTrial(isBoot: Bool) throws(StoreError) -> Layers {
        var layers = current.layers
        guard let trial = current.trial else { return layers }
        guard let previous = try lastGood(trial) else {
            warn("no generation from before the trial can be read: what was on trial stays")
            return layers
        }
        layers.strong = previous.strong
        if isBoot {
            layers.weak = SettingsDocument()
        } else if try wasBooted(since: previous.number) {
            // What generators made since the boot is newer than what they made before.
            layers.weak = previous.weak.merging(layers.weak)
        } else {
            layers.weak = previous.weak
        }
        return layers
    }

    /// The generation before the trial; if it is damaged, the last one before it that was not on trial.
    private func lastGood(_ trial: Generation.Trial) throws(StoreError) -> Generation? {
        for number in numbers.sorted(by: >) where number <= trial.previous {
            guard case .whole(let stored) = try load(FileName.generation(number)) else { continue }
            if stored.generation.trial != nil { continue }
            let (generation, notes) = stored.interpreted(options)
            notes.forEach(warn)
            if number != trial.previous {
                warn(
                    "generation \(trial.previous), from before the trial, can't be read: \(number) comes back"
                )
            }
            return generation
        }
        return nil
    }

    private func wasBooted(since number: UInt64) throws(StoreError) -> Bool {
        for later in numbers.sorted() where later > number && later <= current.number {
            guard case .whole(let stored) = try load(FileName.generation(later)) else { continue }
            if [.boot, .osVersion].contains(stored.generation.reason) { return true }
        }
        return false
    }
}
