// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// What the C library does with large blocks of memory, such as the buffers of messages of 64 KiB and more.
package enum LargeAllocations {
    /// Blocks of this size and more get pages of their own.
    package static let threshold = 128 * 1024

    /// Has every large block get pages of its own, which the system gets back when the block is freed. By default glibc raises
    /// its threshold to the size of the largest block freed so far, and takes later ones from the heap: there they leave
    /// gaps, and a buffer of which half is used holds the pages of its other half from an earlier use. Messages of 64 KiB
    /// for a client that reads nothing then took up to 30 MiB instead of `maxBufferedBytes` (16 MiB) and 2 MiB.
    ///
    /// To be called by executables before they allocate much; a library leaves the allocator of its process alone.
    ///
    /// - Returns: Whether the C library has such a setting, which only glibc does.
    @discardableResult
    package static func keepApart() -> Bool {
        guard let symbol = dlsym(nil, "mallopt") else { return false }
        let mallopt = unsafeBitCast(symbol, to: (@convention(c) (CInt, CInt) -> CInt).self)
        // M_MMAP_THRESHOLD of malloc.h.
        return mallopt(-3, CInt(threshold)) == 1
    }
}
