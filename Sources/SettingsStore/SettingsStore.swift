import JSON
import SettingsModel

/// The settings of a host on its state partition: generations and pending transactions.
///
/// What is on the disk, in which order it is written, and what a power cut leaves: docs/settings-store.md.
/// One owner at a time; not thread-safe (an actor owns it in the API server). A function that throws has changed nothing
/// in force, in memory; after a cut right behind it, the change it was about is in force as a whole or not at all.
public final class SettingsStore {
    /// The generation in force.
    ///
    /// A new host has one of number 1 that is empty, and is written together with the first other one. When the store was
    /// opened by another version of the OS than wrote it, the layers are in this version's form already.
    public internal(set) var current: Generation

    /// What was wrong with the files: damaged ones that were passed over, settings this version does not know.
    ///
    /// In words for people, without values of settings; the first 100.
    public internal(set) var warnings: [String] = []

    let files: any StoreFiles
    let osVersion: String
    let now: @Sendable () -> Int64
    let options: StoreOptions
    /// The pending transactions by name.
    var pendingTransactions: [String: PendingTransaction] = [:]
    /// The bytes of their files.
    var pendingSizes: [String: Int] = [:]
    /// The generations on the disk that can be read, as far as is known.
    var numbers: Set<UInt64> = []
    /// What lists show of them, as far as it was read or written by this process.
    var heads: [UInt64: GenerationHead] = [:]
    /// The highest number any generation on the disk has or had.
    var lastNumber: UInt64 = 0
    /// Whether `current` is in memory only.
    var isUnsaved = false
    /// Damaged generations, to be moved aside with the next write.
    var damagedFiles: [String] = []
    /// Damaged files that were moved aside, oldest first.
    var keptDamagedFiles: [String] = []
    /// Files of transactions that are over, and could not be removed.
    var leftovers: Set<String> = []
    /// When the trial began as far as this process knows, in seconds of `options.uptime`.
    var trialBegan: Int64
    /// Whether the trial was begun by this process, which then knows its time without the wall clock.
    var isTrialOfThisProcess = false

    /// Opens the store; writes nothing but the removal of leftovers.
    ///
    /// - Parameters:
    ///   - files: the folder of the store.
    ///   - osVersion: the version of the running OS, noted in what is written.
    ///   - now: the time, in seconds since 1970.
    ///   - options: for tests.
    /// - Throws: `StoreError` when the folder can't be read; damaged files are warnings.
    public init(
        files: any StoreFiles,
        osVersion: String,
        now: @escaping @Sendable () -> Int64,
        options: StoreOptions = StoreOptions()
    ) throws(StoreError) {
        self.files = files
        self.osVersion = osVersion
        self.now = now
        self.options = options
        trialBegan = options.uptime()
        current = Generation(
            number: 1,
            time: now(),
            osVersion: osVersion,
            schemaVersion: options.migrations.current,
            author: Self.itself,
            reason: .first,
            strong: SettingsDocument(),
            weak: SettingsDocument(),
            defaults: SettingsDocument(),
            trial: nil,
            transaction: ""
        )
        try open()
    }

    /// All generations that are kept and can be read, oldest first, without their settings.
    ///
    /// Each file is read once, the first time; together they may take more memory than a server should have. One that
    /// can't be read is passed over from then on, with a warning.
    public func generations() throws(StoreError) -> [GenerationHead] {
        var all: [GenerationHead] = []
        for number in numbers.sorted() {
            if heads[number] == nil {
                switch try load(FileName.generation(number)) {
                case .whole(let stored): heads[number] = GenerationHead(stored.generation)
                case .faulty(let fault): passOver(number, fault)
                case .missing: numbers.remove(number)
                }
            }
            if let head = heads[number] { all.append(head) }
        }
        if isUnsaved { all.append(GenerationHead(current)) }
        return all
    }

    /// One generation, in the running version's form.
    ///
    /// - Throws: `StoreError.noSuchGeneration`; `unreadable` if it is damaged; `io`.
    public func generation(_ number: UInt64) throws(StoreError) -> Generation {
        try interpreted(number).generation
    }

    func interpreted(_ number: UInt64) throws(StoreError) -> (generation: Generation, warnings: [String]) {
        if number == current.number { return (current, []) }
        guard numbers.contains(number) else { throw .noSuchGeneration(number) }
        let name = FileName.generation(number)
        switch try load(name) {
        case .whole(let stored): return stored.interpreted(options)
        case .faulty(let fault): throw .unreadable(path: name, reason: fault.description)
        case .missing: throw .noSuchGeneration(number)
        }
    }

    func warn(_ text: String) {
        if warnings.count < StoreLimits.warnings { warnings.append(text) }
    }
}
