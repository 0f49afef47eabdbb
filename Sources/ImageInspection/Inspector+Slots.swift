import GPT
import Hashing

/// A slot of a disk: the partitions of a root and its hash tree.
private struct Slot {
    let name: String
    let root: Partition
    let tree: Partition?
}

extension Inspector {
    /// Checks the root of every slot against the root hash that boots it.
    mutating func inspectSlots(_ partitions: [Partition], parts: [Int: ImagePart]) {
        let slots = Self.slots(partitions)
        if slots.isEmpty {
            find(
                .error,
                "root",
                report.disk?.file ?? report.path,
                "there is no partition of a root file system; build the image again"
            )
        }
        for slot in slots {
            guard let data = parts[slot.root.number] else { continue }
            var facts = RootFacts(
                name: slot.name,
                data: data.name,
                tree: slot.tree.flatMap { parts[$0.number]?.name },
                verification: .notChecked
            )
            if slot.root.label == "_empty" {
                facts.verification = .empty
                report.roots.append(facts)
                continue
            }
            chooseRootHash(of: slot, facts: &facts)
            if slot.tree == nil {
                find(
                    .error,
                    "verity",
                    data.name,
                    "no partition holds the hash tree of '\(slot.root.label)', so its content cannot be checked; "
                        + "build the image again"
                )
            }
            let tree = slot.tree.flatMap { parts[$0.number] }
            inspectRoot(data: data, tree: tree, facts: facts)
        }
    }

    /// The first root belongs to the first tree, and so on: their numbers are fixed.
    private static func slots(_ partitions: [Partition]) -> [Slot] {
        let roots = partitions.filter { partition in
            PartitionType.Architecture.allCases.contains { partition.type == .root($0) }
        }
        let trees = partitions.filter { partition in
            PartitionType.Architecture.allCases.contains { partition.type == .rootVerity($0) }
        }
        return roots.enumerated().map { index, root in
            let letter = index < 26 ? String(UnicodeScalar(UInt8(ascii: "A") + UInt8(index))) : "\(index)"
            return Slot(
                name: "slot \(letter)",
                root: root,
                tree: trees.first { $0.label == root.label && $0.label != "_empty" }
                    ?? (index < trees.count ? trees[index] : nil)
            )
        }
    }

    /// The root hash of the boot entry that finds this slot; without one, that which the PARTUUIDs spell.
    private mutating func chooseRootHash(of slot: Slot, facts: inout RootFacts) {
        let owners = kernelImages.filter {
            $0.rootPartition == slot.root.number && $0.treePartition == slot.tree?.number
        }
        if let owner = owners.first {
            facts.rootHash = owner.rootHash
            facts.rootHashFrom = owner.path
            return
        }
        // An update that was staged and not activated has no entry, and that is no fault.
        find(
            .warning,
            "root",
            facts.data,
            "no readable boot entry starts '\(slot.root.label)' in \(slot.name); its PARTUUIDs are taken as the "
                + "root hash. Activate the slot, or restore its boot entry"
        )
        guard let tree = slot.tree else { return }
        facts.rootHash = SHA256Digest(bytes: slot.root.guid.uuidBytes + tree.guid.uuidBytes)?.hex
        facts.rootHashFrom = "PARTUUIDs"
    }
}
