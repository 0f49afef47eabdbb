public import SettingsModel

extension SettingsStore {
    /// The pending changes of a transaction; nil if there is none of the name.
    public func pending(_ transaction: String) -> PendingTransaction? { pendingTransactions[transaction] }

    /// The names of all pending transactions, sorted.
    public var transactions: [String] { pendingTransactions.keys.sorted() }

    /// Adds changes to a transaction, which is made if it does not exist.
    ///
    /// The values must have been checked. Of two changes of one key the later one counts; deletions of one call come before
    /// what the call sets. Nothing happens without changes.
    /// - Throws: `StoreError`; the transaction is as it was before then.
    public func stage(
        _ changes: [SettingKey: PendingTransaction.Change],
        in transaction: String
    ) throws(StoreError) {
        guard FileName.isTransaction(transaction) else {
            throw .invalidTransactionName(String(transaction.prefix(StoreLimits.nameLength + 1)))
        }
        if changes.isEmpty { return }
        let existing = pendingTransactions[transaction]
        guard existing != nil || pendingTransactions.count < StoreLimits.transactions else {
            throw .tooMuch(
                "there are \(StoreLimits.transactions) transactions, the most there may be: commit or delete some"
            )
        }
        let before =
            existing ?? PendingTransaction(name: transaction, id: PendingTransaction.newID(), changes: [:])
        var after = before
        after.add(changes)
        try refuseWeakening(changes, before: before, after: after)
        guard after.changes.count <= StoreLimits.changes else {
            throw .tooMuch(
                "transaction '\(transaction)' would have \(after.changes.count) changes of at most "
                    + "\(StoreLimits.changes): commit it first"
            )
        }
        var layers = current.layers
        after.apply(to: &layers)
        try refuseOverfullMaps(layers, insteadOf: current.layers)
        let name = FileName.pending(transaction)
        let bytes = try Envelope.seal(after.json, for: "transaction '\(transaction)'")
        try refuseOverfullSum(transaction, bytes.count)
        let temporary = "pending\(FileName.temporarySuffix)"
        do throws(StoreError) {
            try makingRoom(for: bytes.count) { () throws(StoreError) in try files.write(temporary, bytes) }
            try files.rename(temporary, to: name, replacing: true)
        } catch {
            removeQuietly(temporary)
            throw error
        }
        leftovers.remove(name)
        pendingTransactions[transaction] = after
        pendingSizes[transaction] = bytes.count
    }

    /// Drops a transaction and returns the keys it would have changed, sorted; none if there is none of the name.
    public func discard(_ transaction: String) throws(StoreError) -> [SettingKey] {
        guard let pending = pendingTransactions[transaction] else { return [] }
        try files.remove(FileName.pending(transaction))
        forget(transaction)
        return pending.changes.keys.sorted()
    }

    /// Drops all transactions: the first thing at boot.
    public func discardAll() throws(StoreError) {
        for transaction in transactions { _ = try discard(transaction) }
    }

    /// Makes the changes of a transaction the new generation, durably, before it returns.
    ///
    /// Changes that leave strong, weak and default values as they are make no generation, except with `confirmWithin`: who
    /// asks for a trial gets one. A commit without it during a trial goes back with it: only `confirm` ends a trial. With
    /// it, the trial's time begins anew, and what comes back is still what was there before the first of them.
    ///
    /// - Parameter confirmWithin: seconds in which the commit must be confirmed, 1 to 86400 (others are taken for the
    ///   nearest of them); nil if it needs no confirmation.
    /// - Returns: the keys whose value in force changed, sorted.
    /// - Throws: `StoreError`; after `io`, it is not known whether a power cut brings the changes.
    public func commit(
        _ transaction: String,
        by author: Generation.Author,
        confirmWithin: Int64? = nil
    ) throws(StoreError) -> [SettingKey] {
        guard let pending = pendingTransactions[transaction], !pending.changes.isEmpty else {
            throw .nothingPending(transaction: transaction)
        }
        let before = current.settings
        var batch = try Batch(self)
        var layers = batch.base.layers
        pending.apply(to: &layers)
        try refuseOverfullMaps(layers, insteadOf: batch.base.layers)
        if layers != batch.base.layers || confirmWithin != nil {
            let base = batch.base.number
            batch.add(layers, .commit, author, transaction: pending.id, on: self) { trial in
                guard let confirmWithin else { return }
                let seconds = min(
                    max(confirmWithin, StoreLimits.trialSeconds.lowerBound),
                    StoreLimits.trialSeconds.upperBound
                )
                trial = Generation.Trial(
                    deadline: now().addingWithSaturation(seconds),
                    seconds: seconds,
                    previous: trial?.previous ?? base
                )
            }
            try write(batch)
            if confirmWithin != nil {
                trialBegan = options.uptime()
                isTrialOfThisProcess = true
            }
            leftovers.insert(FileName.pending(transaction))
        } else if batch.endsTrial {
            try write(batch)
            leftovers.insert(FileName.pending(transaction))
        } else {
            try files.remove(FileName.pending(transaction))
        }
        forget(transaction)
        tidy()
        return before.differences(from: current.settings).sorted()
    }

    private func forget(_ transaction: String) {
        pendingTransactions[transaction] = nil
        pendingSizes[transaction] = nil
    }

    /// Refuses a transaction that grows when all of them together take more than they may.
    private func refuseOverfullSum(_ transaction: String, _ size: Int) throws(StoreError) {
        let old = pendingSizes[transaction] ?? 0
        let sum = pendingSizes.values.reduce(size - old, +)
        guard sum > StoreLimits.pendingBytes, size > old else { return }
        throw .tooMuch(
            "the pending transactions would take \(sum) bytes of \(StoreLimits.pendingBytes): commit or delete some"
        )
    }

    /// Refuses a map that grows over the model's limit: the model sees one request, here is the sum of them.
    private func refuseOverfullMaps(_ layers: Layers, insteadOf before: Layers) throws(StoreError) {
        guard let map = layers.settings.overfullMap(grownFrom: before.settings) else { return }
        throw .tooMuch(
            "\(map.key) would have \(map.count) entries of at most \(map.maximumCount): delete some first"
        )
    }

    private func refuseWeakening(
        _ changes: [SettingKey: PendingTransaction.Change],
        before: PendingTransaction,
        after: PendingTransaction
    ) throws(StoreError) {
        let deleted = after.deletedKeys
        let deletedNow = Set(changes.compactMap { $0.value == .delete ? $0.key : nil })
        var keys: [SettingKey] = []
        for case (let key, .set(_, .weak)) in changes {
            let isStrong = current.strong.values[key] != nil && !key.isStrictlyInside(deleted)
            var isPendingStrong = false
            if case .set(_, .strong) = before.changes[key] {
                isPendingStrong = !key.isStrictlyInside(deletedNow)
            }
            if isStrong || isPendingStrong { keys.append(key) }
        }
        if !keys.isEmpty { throw .strongToWeak(keys: keys.sorted()) }
    }
}

extension Int64 {
    /// The sum, or the largest number if that is smaller.
    func addingWithSaturation(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the nearest number there is.
    func subtractingWithSaturation(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
