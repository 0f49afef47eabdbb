/// Blocks that follow each other, and which of them are what the release says.
struct CheckedBlocks: Sendable {
    let numbers: Range<Int>
    /// Their bytes; those of blocks that are not right mean nothing.
    let bytes: [UInt8]
    private let isRight: [Bool]

    /// Takes what somebody else has checked.
    init(numbers: Range<Int>, bytes: [UInt8], isRight: [Bool]) {
        self.numbers = numbers
        self.bytes = bytes
        self.isRight = isRight
    }

    /// Compares each block with the truncated leaf that it must have.
    ///
    /// - Parameter leaves: of all blocks of the root.
    init(numbers: Range<Int>, bytes: [UInt8], leaves: [UInt64], hasher: LeafHasher) {
        let size = BlockFormat.blockSize
        let isRight = bytes.withUnsafeBytes { bytes in
            numbers.map { number in
                let start = (number - numbers.lowerBound) * size
                return hasher.leaf(of: UnsafeRawBufferPointer(rebasing: bytes[start..<start + size]))
                    == leaves[number]
            }
        }
        self.init(numbers: numbers, bytes: bytes, isRight: isRight)
    }

    /// Whether a block is right.
    func isRight(_ number: Int) -> Bool { isRight[number - numbers.lowerBound] }

    /// The bytes of some of the blocks.
    func bytes(of part: Range<Int>) -> [UInt8] {
        if part == numbers { return bytes }
        let start = (part.lowerBound - numbers.lowerBound) * BlockFormat.blockSize
        return Array(bytes[start..<start + part.count * BlockFormat.blockSize])
    }
}
