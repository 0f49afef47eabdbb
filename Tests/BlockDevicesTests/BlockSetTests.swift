import BlockDevices
import Testing

@Suite struct BlockSetTests {
    /// Against a set of the standard library, around the borders of words.
    @Test(arguments: [0, 1, 63, 64, 65, 130])
    func isASet(_ capacity: Int) {
        var set = BlockSet(capacity: capacity)
        var expected: Set<Int> = []
        func check() {
            #expect(set.count == expected.count && set.isEmpty == expected.isEmpty)
            #expect(Array(set.blocks) == expected.sorted())
            #expect(set.runs.flatMap(Array.init) == expected.sorted())
            #expect(zip(set.runs, set.runs.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
            #expect(set.first == expected.min())
        }
        check()
        for block in [0, 1, 5, 62, 63, 64, 65, 66, 128, 129, 1] {
            set.insert(block)
            if block < capacity { expected.insert(block) }
            #expect(set.contains(block) == (block < capacity))
            check()
        }
        for block in [1, 64, 129, 7] {
            set.remove(block)
            expected.remove(block)
            check()
        }
        // Numbers that are none of its own change nothing.
        for block in [-1, .min, capacity, .max] {
            set.insert(block)
            set.remove(block)
            #expect(!set.contains(block))
        }
        check()
        set.insert(0..<capacity)
        expected = Set(0..<capacity)
        check()
        #expect(set == BlockSet(allBelow: capacity))
    }

    @Test func unionAndRuns() {
        var set = BlockSet(capacity: 100)
        set.insert(10..<20)
        var other = BlockSet(capacity: 200)
        other.insert(15..<25)
        other.insert(150)
        set.formUnion(other)
        #expect(set.runs == [10..<25])
        #expect(set.containsAny(0..<11) && !set.containsAny(25..<100) && !set.containsAny(3..<3))
    }
}
