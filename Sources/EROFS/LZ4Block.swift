/// Decoding of LZ4 blocks (the LZ4 block format, without the frame around it).
enum LZ4Block {
    /// Unpacks a block to `size` bytes; nil where it is damaged.
    ///
    /// If `isExact`, the block must be used up by that. Otherwise it is read as far as needed, and more data or
    /// padding may follow.
    static func decode(_ input: ArraySlice<UInt8>, size: Int, isExact: Bool) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: size)
        let isWhole = input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in decode(input, into: output, isExact: isExact) }
        }
        return isWhole ? output : nil
    }

    /// Every range is checked against the buffers before it is used: pointers check nothing.
    private static func decode(
        _ input: UnsafeBufferPointer<UInt8>,
        into output: UnsafeMutableBufferPointer<UInt8>,
        isExact: Bool
    ) -> Bool {
        guard let source = input.baseAddress, let target = output.baseAddress else { return false }
        var read = 0
        var written = 0
        while read < input.count {
            let token = input[read]
            read += 1

            guard var literals = length(Int(token >> 4), input, &read) else { return false }
            if !isExact { literals = min(literals, output.count - written) }
            guard literals <= input.count - read, literals <= output.count - written else { return false }
            (target + written).update(from: source + read, count: literals)
            read += literals
            written += literals
            // The last sequence has no match.
            if read == input.count || (!isExact && written == output.count) { return written == output.count }

            guard input.count - read >= 2 else { return false }
            let distance = Int(input[read]) | Int(input[read + 1]) << 8
            read += 2
            guard distance > 0, distance <= written, var match = length(Int(token & 15), input, &read) else {
                return false
            }
            match += 4
            if !isExact { match = min(match, output.count - written) }
            guard match <= output.count - written else { return false }
            // A match may overlap what it makes: whole periods are copied, which double each time.
            let start = target + (written - distance)
            var copied = 0
            while copied < match {
                let count = min(distance + copied, match - copied)
                (target + (written + copied)).update(from: start, count: count)
                copied += count
            }
            written += match
            if !isExact && written == output.count { return true }
        }
        return false
    }

    /// A length from the four bits in the token and, if they are all set, the bytes that follow.
    private static func length(_ bits: Int, _ input: UnsafeBufferPointer<UInt8>, _ read: inout Int) -> Int? {
        guard bits == 15 else { return bits }
        // No overflow: at most 255 for each byte of the input.
        var length = 15
        while read < input.count {
            let byte = input[read]
            read += 1
            length += Int(byte)
            if byte != 255 { return length }
        }
        return nil
    }
}
