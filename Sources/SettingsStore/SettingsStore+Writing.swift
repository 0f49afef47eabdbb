import Glibc
import JSON
import SettingsModel

/// Generations that are written together: two at most beside each other, so three calls of fsync(2).
struct Batch {
    private(set) var generations: [Generation] = []
    /// What the next generation of the batch is made from.
    private(set) var base: Generation
    /// Whether a trial whose time is over ends in it.
    private(set) var endsTrial = false

    /// A batch that begins with what must come before anything else: the first generation of a new host, or the end of a
    /// trial whose time is over.
    init(_ store: SettingsStore) throws(StoreError) {
        base = store.current
        if store.isUnsaved { generations = [base] }
        if store.trialSecondsLeft == 0 {
            let layers = try store.layersAfterTrial(isBoot: false)
            add(layers, .unconfirmed, SettingsStore.itself, on: store) { $0 = nil }
            endsTrial = true
        }
    }

    /// A batch with nothing in it yet.
    init(empty store: SettingsStore) { base = store.current }

    /// Adds a generation that differs from the one before in what is said here.
    mutating func add(
        _ layers: Layers,
        _ reason: Generation.Reason,
        _ author: Generation.Author,
        transaction: String = "",
        on store: SettingsStore,
        trial change: (inout Generation.Trial?) -> Void = { _ in }
    ) {
        var generation = base
        generation.number = max(store.lastNumber, generations.last?.number ?? 0) + 1
        generation.time = store.now()
        generation.osVersion = store.osVersion
        generation.schemaVersion = store.options.migrations.current
        generation.author = author
        generation.reason = reason
        generation.layers = layers
        generation.transaction = transaction
        change(&generation.trial)
        generations.append(generation)
        base = generation
    }
}

extension SettingsStore {
    /// Writes generations durably; the last one is in force then.
    ///
    /// Each: new file, fsync, its final name; then fsync of the folder. Before that last step succeeds nothing is
    /// acknowledged, and on a failure the new files are taken away again as far as possible. Their numbers are not used again.
    func write(_ batch: Batch) throws(StoreError) {
        var documents: [(number: UInt64, temporary: String, bytes: [UInt8])] = []
        for (index, generation) in batch.generations.enumerated() {
            let stored = StoredGeneration(generation, migrations: options.migrations)
            let bytes = try Envelope.seal(stored.json, for: "the settings")
            documents.append((generation.number, "generation-\(index)\(FileName.temporarySuffix)", bytes))
        }
        var named: [UInt64] = []
        do throws(StoreError) {
            try makingRoom(for: documents.reduce(0) { $0 + $1.bytes.count }) { () throws(StoreError) in
                for document in documents {
                    try files.write(document.temporary, document.bytes)
                    try files.synchronize(document.temporary)
                }
            }
            for document in documents {
                // Even a call that fails may have done its work, except where another program took the name.
                named.append(document.number)
                do throws(StoreError) {
                    try files.rename(
                        document.temporary,
                        to: FileName.generation(document.number),
                        replacing: false
                    )
                } catch {
                    if case .io(_, _, EEXIST) = error { named.removeLast() }
                    throw error
                }
            }
            try files.synchronizeFolder()
        } catch {
            documents.forEach { removeQuietly($0.temporary) }
            for number in named.reversed() where !removeQuietly(FileName.generation(number)) {
                numbers.insert(number)
            }
            lastNumber = max(lastNumber, documents.last?.number ?? 0)
            if isUnsaved { current.number = lastNumber + 1 }
            throw error
        }
        numbers.formUnion(documents.map(\.number))
        for generation in batch.generations { heads[generation.number] = GenerationHead(generation) }
        lastNumber = max(lastNumber, documents.last?.number ?? 0)
        isUnsaved = false
        current = batch.base
    }

    /// What can wait and may fail after a write: nothing of it is needed for what is in force.
    func tidy() {
        leftovers = leftovers.filter { !removeQuietly($0) }
        for name in damagedFiles {
            let kept = FileName.damaged(name)
            do throws(StoreError) {
                try files.rename(name, to: kept, replacing: true)
                damagedFiles.removeAll { $0 == name }
                keptDamagedFiles.removeAll { $0 == kept }
                keptDamagedFiles.append(kept)
            } catch {
                warn("'\(name)' is damaged and could not be moved aside: \(error)")
            }
        }
        while keptDamagedFiles.count > StoreLimits.damagedFiles {
            let name = keptDamagedFiles.removeFirst()
            if removeQuietly(name) { warn("'\(name)' was removed: there are later damaged files") }
        }
        removeSurplus()
    }

    /// Removes a file; false if that failed.
    @discardableResult
    func removeQuietly(_ name: String) -> Bool {
        do throws(StoreError) {
            try files.remove(name)
            return true
        } catch {
            return false
        }
    }
}
