import BlockDevices
import Hashing
import Synchronization
import Verity

/// What the inactive slot holds, measured against a release.
struct SlotContent: Sendable {
    /// The root hash of what is there.
    let rootHash: SHA256Digest
    /// The blocks that are not the release's; all of them, if nothing is known of single blocks.
    let wrong: BlockSet

    /// Hashes all blocks of the root, and writes the hash tree of what is there if it is given a device for it.
    ///
    /// The tree's superblock is not written: that is for the one who has compared the root hash.
    static func measure(
        root: any BlockDevice,
        fromMedium: Bool,
        tree: (any BlockDevice)?,
        release: SlotRelease,
        index: any BlockIndex,
        step: SlotStep,
        progress: @escaping @Sendable (SlotProgress) -> Void,
        stop: StopFlag
    ) throws(SlotError) -> SlotContent {
        let parameters = release.parameters
        let layout = VerityLayout(parameters)
        let blockCount = parameters.dataBlockCount
        let found = Mutex(
            (wrong: BlockSet(capacity: Int(blockCount)), done: UInt64(0), failure: BlockDeviceError?.none)
        )
        let told = Mutex(UInt64(0))
        let rootHash: SHA256Digest
        do throws(VerityError) {
            rootHash = try VerityTree.build(
                data: root.veritySource(fromMedium: fromMedium, stop: stop),
                parameters: parameters
            ) { offset, bytes throws(VerityError) in
                if offset == 0 { return }
                if let leaves = layout.levels.first, offset >= leaves.byteOffset {
                    let first = (offset - leaves.byteOffset) / UInt64(VerityFormat.digestSize)
                    let count = min(UInt64(bytes.count / VerityFormat.digestSize), blockCount - first)
                    // Outside of the lock: the index may read a file.
                    var wrong: [Int] = []
                    for number in 0..<Int(count) {
                        let place = number * VerityFormat.digestSize
                        let digest = UnsafeRawBufferPointer(
                            rebasing: bytes[place..<place + VerityFormat.digestSize]
                        )
                        if !index.isRight(first + UInt64(number), digest: digest) {
                            wrong.append(Int(first) + number)
                        }
                    }
                    let done = found.withLock { found in
                        for block in wrong { found.wrong.insert(block) }
                        found.done += count
                        return found.done
                    }
                    told.withLock { told in
                        // Another thread may have told more already.
                        guard done > told else { return }
                        told = done
                        let total = blockCount * UInt64(VerityFormat.blockSize)
                        progress(SlotProgress(step: step, doneBytes: done * 4096, totalBytes: total))
                    }
                }
                do throws(BlockDeviceError) {
                    try tree?.write(bytes, at: offset)
                } catch {
                    found.withLock { $0.failure = $0.failure ?? error }
                    throw .cancelled
                }
            }
        } catch {
            if let failure = found.withLock({ $0.failure }) { throw .disk(step, failure) }
            throw error == .cancelled ? .cancelled(step) : .tree(step, error)
        }
        var wrong = found.withLock { $0.wrong }
        if rootHash == release.rootHash {
            wrong = BlockSet(capacity: Int(blockCount))
        } else if wrong.isEmpty {
            // Parts of digests agree although the whole does not, or there is but one block.
            wrong = BlockSet(allBelow: Int(blockCount))
        }
        return SlotContent(rootHash: rootHash, wrong: wrong)
    }
}
