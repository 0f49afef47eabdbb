import Glibc

/// How much of the disk the history may take.
extension SettingsStore {
    /// Removes the oldest generations beyond what the options keep, in number and in bytes.
    ///
    /// The two latest stay, and the one that a trial goes back to.
    func removeSurplus() {
        var bytes = 0
        for (index, number) in numbers.sorted(by: >).enumerated() {
            // One whose length can't be told is as good as none.
            bytes += (try? files.size(FileName.generation(number))) ?? 0
            let isKept = index < 2 || index < options.keptGenerations && bytes <= options.keptBytes
            if !isKept { removeGeneration(number) }
        }
    }

    /// Writes, and, if the disk is full, once more after the oldest generations went: changes count more than history.
    func makingRoom(for bytes: Int, _ write: () throws(StoreError) -> Void) throws(StoreError) {
        do throws(StoreError) {
            try write()
        } catch {
            guard case .io(_, _, let number) = error, [ENOSPC, EDQUOT].contains(number),
                removeOldest(freeing: bytes)
            else { throw error }
            try write()
        }
    }

    /// Removes generations, oldest first, until twice so many bytes are free; false if none could be removed.
    ///
    /// Twice, as a file takes whole blocks, and to be asked less often.
    private func removeOldest(freeing bytes: Int) -> Bool {
        var freed = 0
        for number in numbers.sorted() where freed < bytes.addingReportingOverflow(bytes).partialValue {
            guard number != current.number else { continue }
            let size = (try? files.size(FileName.generation(number))) ?? 0
            if removeGeneration(number) { freed += max(size, 1) }
        }
        // A file system may give blocks free only with the change to the folder.
        if freed > 0 { try? files.synchronizeFolder() }
        return freed > 0
    }

    /// Removes a generation that neither is in force nor comes back after a trial; false if it is still there.
    @discardableResult
    private func removeGeneration(_ number: UInt64) -> Bool {
        guard number != current.number, number != current.trial?.previous,
            removeQuietly(FileName.generation(number))
        else { return false }
        numbers.remove(number)
        heads[number] = nil
        return true
    }
}
