import Glibc

@testable import SettingsStore

/// A disk in memory that keeps apart what is written and what would be there after a power cut.
///
/// What is not fsynced may be lost, torn at sectors of 512 bytes or filled with zeros; of the changes to the folder since
/// its last fsync any subset may have happened. That is less than ext4 promises, and all that POSIX does.
final class CutDisk: StoreFiles {
    /// A file by whatever names.
    struct Inode {
        var bytes: [UInt8]
        var isDurable = false
    }

    /// A change to the folder.
    enum FolderChange {
        case link(String, Int)
        case unlink(String)
        case move(String, String, Int)
    }

    /// Everything about the disk at one moment.
    struct State {
        var inodes: [Int: Inode] = [:]
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        var unsynced: [FolderChange] = []
    }

    /// Calls that fail.
    struct Fault {
        /// The number of the first call that fails, from 1.
        var call: Int
        /// How many fail one after the other.
        var count = 1
        /// Whether a call that fails has done its work nevertheless.
        var isDone = false
    }

    private(set) var state = State()
    /// The disk after each call; only if `isRecording`.
    private(set) var snapshots: [State] = []
    var isRecording = false
    var fault: Fault?
    private(set) var calls = 0
    private(set) var wasFaultHit = false
    /// The calls of fsync(2), for files and the folder.
    private(set) var synchronizations = 0
    /// Mistakes of a store that the harness must find.
    var ignoresSynchronize = false
    var ignoresSynchronizeFolder = false
    /// How many of the next calls of `write` find the disk full.
    var failingWrites = 0
    /// Errors of reading certain files.
    var unreadable: [String: Int32] = [:]
    private var nextInode = 0

    init(_ files: [String: [UInt8]] = [:]) {
        for (name, bytes) in files { put(name, bytes) }
    }

    /// The files as a program sees them.
    var files: [String: [UInt8]] { state.names.compactMapValues { state.inodes[$0]?.bytes } }

    /// Puts a durable file onto the disk.
    func put(_ name: String, _ bytes: [UInt8]) {
        nextInode += 1
        state.inodes[nextInode] = Inode(bytes: bytes, isDurable: true)
        state.names[name] = nextInode
        state.durableNames[name] = nextInode
    }

    func list() throws(StoreError) -> [String] {
        try call("list", EMFILE) { _ in }
        return Array(state.names.keys)
    }

    func read(_ name: String, limit: Int) throws(StoreError) -> [UInt8]? {
        try call("read", EMFILE) { _ in }
        if let number = unreadable[name] { throw .io(operation: "read", path: name, errno: number) }
        guard let bytes = files[name] else { return nil }
        guard bytes.count <= limit else { throw .io(operation: "read", path: name, errno: EFBIG) }
        return bytes
    }

    func size(_ name: String) throws(StoreError) -> Int? { files[name]?.count }

    func write(_ name: String, _ bytes: [UInt8]) throws(StoreError) {
        if failingWrites > 0 {
            failingWrites -= 1
            throw .io(operation: "write", path: name, errno: ENOSPC)
        }
        nextInode += 1
        let inode = nextInode
        func make(_ state: inout State, _ bytes: [UInt8]) {
            if state.names[name] != nil { state.unsynced.append(.unlink(name)) }
            state.inodes[inode] = Inode(bytes: bytes)
            state.names[name] = inode
            state.unsynced.append(.link(name, inode))
        }
        do throws(StoreError) {
            try call("write", ENOSPC) { make(&$0, bytes) }
        } catch {
            // A full disk takes a part.
            if state.names[name] != inode { make(&state, Array(bytes.prefix(bytes.count / 2))) }
            throw error
        }
    }

    func synchronize(_ name: String) throws(StoreError) {
        synchronizations += 1
        try call("synchronize", EIO) { state in
            guard !ignoresSynchronize, let inode = state.names[name] else { return }
            state.inodes[inode]?.isDurable = true
        }
    }

    func rename(_ name: String, to other: String, replacing: Bool) throws(StoreError) {
        guard let inode = state.names[name] else {
            throw .io(operation: "rename", path: name, errno: ENOENT)
        }
        if !replacing, state.names[other] != nil {
            throw .io(operation: "rename", path: name, errno: EEXIST)
        }
        try call("rename", EIO) { state in
            state.names[other] = inode
            state.names[name] = nil
            if replacing {
                state.unsynced.append(.move(name, other, inode))
            } else {
                state.unsynced += [.link(other, inode), .unlink(name)]
            }
        }
    }

    func remove(_ name: String) throws(StoreError) {
        try call("remove", EIO) { state in
            if state.names.removeValue(forKey: name) != nil { state.unsynced.append(.unlink(name)) }
        }
    }

    func synchronizeFolder() throws(StoreError) {
        synchronizations += 1
        try call("synchronize the folder", EIO) { state in
            if ignoresSynchronizeFolder { return }
            state.durableNames = state.names
            state.unsynced = []
            let used = Set(state.names.values)
            state.inodes = state.inodes.filter { used.contains($0.key) }
        }
    }

    private func call(_ operation: String, _ number: Int32, _ body: (inout State) -> Void) throws(StoreError)
    {
        calls += 1
        let fails = fault.map { (0..<$0.count).contains(calls - $0.call) } ?? false
        if !fails || fault?.isDone == true { body(&state) }
        if isRecording { snapshots.append(state) }
        if fails {
            wasFaultHit = true
            throw .io(operation: operation, path: "disk", errno: number)
        }
    }
}

extension CutDisk.State {
    /// What may be on the disk after a power cut now: all cases, or so many of them when there are more.
    func cuts(atMost limit: Int, using random: inout SeededGenerator) -> [[String: [UInt8]]] {
        let count = unsynced.count
        var masks: [UInt64] = []
        if count <= 6 {
            masks = Array(0..<(1 << UInt64(count)))
        } else {
            let all = UInt64.max >> UInt64(64 - min(count, 63))
            masks = [0, all]
            for bit in 0..<min(count, 63) {
                masks += [1 << UInt64(bit), all & ~(1 << UInt64(bit)), all >> UInt64(bit)]
            }
            while masks.count < limit * 2 { masks.append(random.next() & all) }
        }
        // In the order of the seed, not of a set.
        var results: [[String: [UInt8]]] = []
        var seen: Set<[String: [UInt8]]> = []
        masks.shuffle(using: &random)
        // The two extremes are always among them.
        masks.insert(contentsOf: [0, UInt64.max], at: 0)
        for mask in masks {
            for form in ContentForm.allCases {
                guard results.count < limit else { return results }
                let files = cut(mask, form, using: &random)
                if seen.insert(files).inserted { results.append(files) }
            }
        }
        return results
    }

    /// What becomes of content that was not fsynced.
    private enum ContentForm: CaseIterable { case whole, empty, torn, zeroFilled, mixed }

    private func cut(_ mask: UInt64, _ form: ContentForm, using random: inout SeededGenerator) -> [String:
        [UInt8]]
    {
        var names = durableNames
        for (index, change) in unsynced.enumerated() where mask & (1 << UInt64(min(index, 63))) != 0 {
            switch change {
            case .link(let name, let inode): names[name] = inode
            case .unlink(let name): names[name] = nil
            case .move(let name, let other, let inode):
                names[name] = nil
                names[other] = inode
            }
        }
        var contents: [Int: [UInt8]] = [:]
        for inode in Set(names.values).sorted() {
            guard let file = inodes[inode] else { continue }
            contents[inode] = file.isDurable ? file.bytes : Self.damage(file.bytes, form, using: &random)
        }
        return names.compactMapValues { contents[$0] }
    }

    private static func damage(_ bytes: [UInt8], _ form: ContentForm, using random: inout SeededGenerator)
        -> [UInt8]
    {
        let sectors = (bytes.count + 511) / 512
        let end = min(Int.random(in: 0...max(sectors - 1, 0), using: &random) * 512, bytes.count)
        switch form {
        case .whole: return bytes
        case .empty: return []
        case .torn: return Array(bytes.prefix(end))
        case .zeroFilled: return bytes.prefix(end) + [UInt8](repeating: 0, count: bytes.count - end)
        case .mixed:
            var result = bytes
            for sector in 0..<sectors where Bool.random(using: &random) {
                let range = sector * 512..<min((sector + 1) * 512, bytes.count)
                result.replaceSubrange(range, with: [UInt8](repeating: 0, count: range.count))
            }
            return result
        }
    }
}
