import Glibc
import JSON
import SettingsModel

/// What a file turned out to be.
enum Loaded<Content> {
    case whole(Content)
    case faulty(DocumentFault)
    case missing

    /// What is made of the content of a whole file.
    func map<Other>(_ body: (Content) throws(DocumentFault) -> Other) -> Loaded<Other> {
        switch self {
        case .whole(let content):
            do throws(DocumentFault) { return .whole(try body(content)) } catch { return .faulty(error) }
        case .faulty(let fault): return .faulty(fault)
        case .missing: return .missing
        }
    }
}

extension SettingsStore {
    /// Who writes what happens by itself.
    static var itself: Generation.Author {
        Generation.Author(user: getuid(), group: getgid(), process: getpid(), program: "apiserver")
    }

    /// Finds the generation in force and the pending transactions.
    func open() throws(StoreError) {
        let names = try files.list().sorted()
        for name in names where name.hasSuffix(FileName.temporarySuffix) { removeQuietly(name) }
        keptDamagedFiles = names.filter { FileName.beforeDamage($0) != nil }
        // A number is never used twice, so that a damaged generation can't be taken for a later one.
        let used = names.compactMap { FileName.generationNumber(FileName.beforeDamage($0) ?? $0) }
        lastNumber = used.max() ?? 0
        try openGeneration(names.compactMap(FileName.generationNumber).sorted(by: >))
        try openTransactions(names)
    }

    private func openGeneration(_ candidates: [UInt64]) throws(StoreError) {
        numbers = Set(candidates)
        for number in candidates {
            let name = FileName.generation(number)
            switch try load(name) {
            case .whole(let stored):
                let (generation, notes) = stored.interpreted(options)
                notes.forEach(warn)
                heads[number] = GenerationHead(generation)
                return current = generation
            case .faulty(let fault):
                passOver(number, fault)
            case .missing:
                numbers.remove(number)
            }
        }
        if !candidates.isEmpty { warn("no generation can be read: the settings start from the defaults") }
        isUnsaved = true
        current.number = lastNumber + 1
    }

    /// Counts a generation that can't be read for none; a damaged one is moved aside with the next write.
    func passOver(_ number: UInt64, _ fault: DocumentFault) {
        let name = FileName.generation(number)
        warn("'\(name)' can't be read and was passed over: \(fault)")
        numbers.remove(number)
        if case .damaged = fault { damagedFiles.append(name) }
    }

    private func openTransactions(_ names: [String]) throws(StoreError) {
        let pending = names.filter { FileName.transaction($0) != nil }
        if pending.isEmpty { return }
        // A commit that was acknowledged may have left its transaction: the generation says so.
        let committed = Set(try generations().map(\.transaction))
        for name in pending {
            guard let transaction = try loadTransaction(name) else { continue }
            if committed.contains(transaction.id) {
                removeQuietly(name)
            } else {
                pendingTransactions[transaction.name] = transaction
                pendingSizes[transaction.name] = try files.size(name) ?? 0
            }
        }
    }

    private func loadTransaction(_ name: String) throws(StoreError) -> PendingTransaction? {
        let loaded = try content(of: name).map { (json) throws(DocumentFault) in
            let transaction = try PendingTransaction(json: json)
            guard transaction.name == FileName.transaction(name) else {
                throw .damaged("it is that of another transaction")
            }
            return transaction
        }
        switch loaded {
        case .whole(let transaction): return transaction
        case .missing: return nil
        case .faulty(let fault):
            warn("'\(name)', a transaction that was not committed, can't be read and was dropped: \(fault)")
            removeQuietly(name)
            return nil
        }
    }

    /// Reads a generation's file.
    ///
    /// - Throws: `StoreError.io` for faults that may pass; what is wrong for good is an answer.
    func load(_ name: String) throws(StoreError) -> Loaded<StoredGeneration> {
        try content(of: name).map { (json) throws(DocumentFault) in
            let stored = try StoredGeneration(json: json)
            guard stored.generation.number == FileName.generationNumber(name) else {
                throw .damaged("it is generation \(stored.generation.number)")
            }
            return stored
        }
    }

    private func content(of name: String) throws(StoreError) -> Loaded<JSONValue> {
        let bytes: [UInt8]?
        do throws(StoreError) {
            bytes = try files.read(name, limit: StoreLimits.fileBytes)
        } catch {
            // These stay as they are however often it is tried; others (EMFILE, ENOMEM ...) pass, and a whole generation
            // must not be passed over because of them.
            let lasting = [EIO, EBADMSG, EUCLEAN, EFBIG, ELOOP, EISDIR, EINVAL, ENXIO]
            if case .io(_, _, let number) = error, lasting.contains(number) {
                return .faulty(.damaged(error.description))
            }
            throw error
        }
        guard let bytes else { return .missing }
        do throws(DocumentFault) { return .whole(try Envelope.open(bytes)) } catch { return .faulty(error) }
    }
}
