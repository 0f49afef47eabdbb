import BlockDevices
import BootEntries
import FAT
import Hashing

extension BootSlots {
    func repairEntries(_ boot: RunningBoot, expected: ExpectedTrial?, installed: Set<SHA256Digest>)
        throws(BootSlotsError) -> [BootSlotsFinding]
    {
        let check = try change { () throws(FATError) in try FATCheck.repair(device) }
        var findings = check.repaired.map { BootSlotsFinding.repaired($0) }
        let writer = try change { () throws(FATError) in try FATWriter(device) }
        // It may be the only entry, and then nothing else could ever be done.
        if expected?.image.rootHash != boot.rootHash {
            findings += try restoreRunningName(boot, writer: writer)
        }
        try requireGoodEntry { _ in true }
        // An entry without a root to boot is none.
        let restorable = expected.flatMap { installed.contains($0.image.rootHash) ? $0 : nil }
        findings += try repairLostNames(boot, expected: expected, restorable: restorable, writer: writer)
        findings += try repairSecondNames(writer: writer)
        if let expected {
            findings += try repairTrial(boot, expected: expected, installed: installed, writer: writer)
        }
        let rest = try change { () throws(FATError) in try FATCheck.repair(device) }
        for fault in rest.remaining {
            // Entries without their long names were dealt with above.
            if case .tornName(let path) = fault, path.hasPrefix(Self.entryFolder) { continue }
            findings.append(.damaged(fault))
        }
        return findings
    }

    /// The running entry has only its 8.3 name and is not on trial: it is what it looks like, and gets its name back.
    private func restoreRunningName(_ boot: RunningBoot, writer: FATWriter) throws(BootSlotsError)
        -> [BootSlotsFinding]
    {
        // A boot that was counted is one on trial, whatever is recorded.
        guard boot.bootCountPath == nil else { return [] }
        let same = try entries().filter { $0.image?.rootHash == boot.rootHash }
        guard same.allSatisfy(\.hasLostItsName), let entry = same.first, entry.name != nil,
            let variant = entry.image?.variant, let version = entry.image?.version,
            let name = try? Self.name(variant: variant, version: version, tries: nil)
        else { return [] }
        do {
            try writer.rename(entry.path, to: name.fileName)
        } catch .exists {
            return []
        } catch {
            throw .fileSystem(error)
        }
        return [.restoredName(entry.fileName, name: name.fileName)]
    }

    /// Entries with only their 8.3 names look committed.
    private func repairLostNames(
        _ boot: RunningBoot,
        expected: ExpectedTrial?,
        restorable: ExpectedTrial?,
        writer: FATWriter
    ) throws(BootSlotsError) -> [BootSlotsFinding] {
        var findings: [BootSlotsFinding] = []
        let entries = try entries()
        for entry in entries where entry.hasLostItsName && entry.name != nil {
            // What is no UKI is not listed by the loader.
            guard let image = entry.image else { continue }
            let isNamedElsewhere = entries.contains {
                !$0.hasLostItsName && $0.image?.rootHash == image.rootHash
            }
            if !isNamedElsewhere, let trial = restorable, trial.tries > 0, try self.is(entry, trial.image) {
                let name = try Self.name(
                    variant: trial.image.variant,
                    version: trial.image.version,
                    tries: trial.tries
                )
                try change { () throws(FATError) in try writer.rename(entry.path, to: name.fileName) }
                findings.append(.restoredCounter(entry.fileName, name: name.fileName))
            } else if !isNamedElsewhere, image.rootHash == boot.rootHash,
                expected?.image.rootHash != image.rootHash
            {
                findings.append(.keptShortName(entry.fileName))
            } else {
                try change { () throws(FATError) in try writer.remove(entry.path) }
                findings.append(.removedShortName(entry.fileName))
            }
        }
        return findings
    }

    /// One version, one entry: the good one, else the one with the fewest tries left.
    private func repairSecondNames(writer: FATWriter) throws(BootSlotsError) -> [BootSlotsFinding] {
        var findings: [BootSlotsFinding] = []
        var groups: [(identifier: String, entries: [EntryState])] = []
        for entry in try entries() where !entry.hasLostItsName {
            guard let identifier = entry.name?.identifier else { continue }
            if let index = groups.firstIndex(where: { $0.identifier == identifier }) {
                groups[index].entries.append(entry)
            } else {
                groups.append((identifier, [entry]))
            }
        }
        for (_, entries) in groups where entries.count > 1 {
            let counted = entries.filter(\.isCounted).sorted { left, right in
                let (left, right) = (left.name?.counter, right.name?.counter)
                return (left?.left ?? 0, -(left?.done ?? 0)) < (right?.left ?? 0, -(right?.done ?? 0))
            }
            // An entry without a counter that is not good is no reason to give up the trial.
            guard let kept = entries.first(where: \.isGood) ?? counted.first else { continue }
            for entry in counted where entry != kept {
                try change { () throws(FATError) in try writer.remove(entry.path) }
                findings.append(.removedSecondName(entry.fileName, kept: kept.fileName))
            }
        }
        return findings
    }

    /// The entry on trial is there and is what the release describes, or is made again.
    private func repairTrial(
        _ boot: RunningBoot,
        expected: ExpectedTrial,
        installed: Set<SHA256Digest>,
        writer: FATWriter
    ) throws(BootSlotsError) -> [BootSlotsFinding] {
        let image = expected.image
        let name = try Self.name(variant: image.variant, version: image.version, tries: nil)
        var findings: [BootSlotsFinding] = []
        let mine = try entries().filter { $0.name?.name == name.name && !$0.hasLostItsName }
        if mine.contains(where: \.isGood) { return [] }
        for entry in mine where entry.isCounted {
            if entry.image?.rootHash == image.rootHash, entry.size == image.size,
                installed.contains(image.rootHash)
            {
                let isUncounted = boot.rootHash == image.rootHash && boot.bootCountPath == nil
                return isUncounted ? [.uncountedTrial(entry.fileName)] : []
            }
            try change { () throws(FATError) in try writer.remove(entry.path) }
            findings.append(.removedBrokenTrial(entry.fileName))
        }
        guard expected.tries > 0 else {
            return findings + [.trialLost(name: name.name, reason: "it has no tries left")]
        }
        do {
            try createEntry(image, installed: installed, tries: expected.tries)
        } catch {
            return findings + [.trialLost(name: name.name, reason: error.description)]
        }
        return findings + [.recreatedTrial(name: "\(name.name)+\(expected.tries).efi")]
    }

    private func `is`(_ entry: EntryState, _ image: StagedImage) throws(BootSlotsError) -> Bool {
        guard entry.size == image.size, entry.image?.rootHash == image.rootHash else { return false }
        return try digest(of: entry.path) == image.sha256
    }
}
