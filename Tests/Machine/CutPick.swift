import GPT
import TestSupport

/// A state of the disk that a loss of power during an update may leave.
struct CutPick: CustomStringConvertible {
    /// What was being written.
    enum Place: String {
        case table = "partition table"
        case esp = "ESP"
        case slot = "slot"

        /// What writes of one flush interval are in: the updater never mixes them.
        init(_ writes: [RecordedDisk.Event], _ table: PartitionTable) {
            guard case .write(let offset, _) = writes.first,
                let partition = table.partitions.first(where: { $0.offset <= offset && offset < $0.end })
            else {
                self = .table
                return
            }
            self = partition.number == table.partitions[0].number ? .esp : .slot
        }
    }

    /// The index of the command.
    let part: Int
    let name: String
    let place: Place
    let interval: CutStates.Interval
    let state: CutState

    var description: String {
        """
        \(name), \(place.rawValue), \(state.kind.rawValue): after event \(interval.start), of \
        \(interval.writes.count) writes: \(state)
        """
    }

    /// Picks states, the same ones for the same log and seed, in the order of time.
    ///
    /// In turn from the writes to the table, from each command's to the ESP, and from those to the slot; of each the
    /// kinds in turn. So most are not of the slot, which has most of the writes.
    static func sample(_ count: Int, of update: RecordedUpdate, seed: UInt64) -> [CutPick] {
        var random = SplitMix(state: seed)
        var groups: [(part: Int, place: Place, intervals: [CutStates.Interval])] = []
        for (number, part) in update.parts.enumerated() where part.isOurs {
            for interval in CutStates(part.events, seed: 0).intervals {
                let place = Place(interval.writes, update.table)
                if let index = groups.firstIndex(where: { $0.part == number && $0.place == place }) {
                    groups[index].intervals.append(interval)
                } else {
                    groups.append((number, place, [interval]))
                }
            }
        }
        // The slot last: a smaller sample goes without a second one of it.
        groups = groups.filter { $0.place != .slot } + groups.filter { $0.place == .slot }
        guard !groups.isEmpty else { return [] }
        var picks: [CutPick] = []
        let kinds: [CutState.Kind] = [.torn, .reordered, .ordered]
        for number in 0..<count {
            let (round, index) = number.quotientAndRemainder(dividingBy: groups.count)
            let (part, place, all) = groups[index]
            let intervals = all.shuffled(using: &random)
            // Not every write can be torn, or be reordered with another one.
            let choices = kinds.indices.lazy.map { kinds[($0 + index + round) % kinds.count] }
                .flatMap { kind in intervals.lazy.map { (kind, $0) } }
            for (kind, interval) in choices {
                var states = CutStates(update.parts[part].events, seed: random.next())
                let fitting = states.states(of: interval).filter { $0.kind == kind }
                guard let state = fitting.randomElement(using: &random) else { continue }
                let name = update.parts[part].name
                picks.append(CutPick(part: part, name: name, place: place, interval: interval, state: state))
                break
            }
        }
        return picks.sorted { ($0.part, $0.interval.start) < ($1.part, $1.interval.start) }
    }
}
