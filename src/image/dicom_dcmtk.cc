/* The thin C face of DCMTK: nothing here knows what the values mean. No exception leaves it. */
#include "image/dicom_dcmtk.h"

#include <dcmtk/config/osconfig.h>

#include <dcmtk/dcmdata/dctk.h>

#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcfcache.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <pthread.h>

struct nw_dcmtk {
    DcmFileFormat format;
    DcmDataset memory;
    DcmDataset *dataset;
    DcmFileCache cache;
    /* The fragments at which the first frames start, one more than are known to be whole. */
    Uint32 *starts = nullptr;
    uint32_t known = 0, room = 0;

    ~nw_dcmtk()
    {
        std::free(starts);
    }
};

namespace
{
pthread_once_t once = PTHREAD_ONCE_INIT;

void set_up()
{
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs(EDC_never, EUC_never, EPC_colorByPixel);
    DJLSDecoderRegistration::registerCodecs(EJLSUC_never, EJLSPC_colorByPixel);
}

void say(char *why, const char *what)
{
    std::snprintf(why, NW_DCMTK_TEXT, "%s", what);
}

DcmTagKey key(uint32_t tag)
{
    return DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
}

DcmItem *item_of(nw_dcmtk_item *item)
{
    return reinterpret_cast<DcmItem *>(item);
}

nw_dcmtk_item *handle_of(DcmItem *item)
{
    return reinterpret_cast<nw_dcmtk_item *>(item);
}

/* Runs what may throw; `bad` where it does. */
template <typename T, typename F> T guarded(T bad, F body) noexcept
{
    try {
        return body();
    } catch (...) {
        return bad;
    }
}

template <typename F> int guarded_step(char *why, F body) noexcept
{
    try {
        OFCondition done = body();
        if (done.good()) return 1;
        say(why, done.text());
    } catch (const std::bad_alloc &) {
        say(why, "out of memory");
    } catch (...) {
        say(why, "the decoder gave up");
    }
    return 0;
}

DcmPixelData *pixels_of(nw_dcmtk *file)
{
    DcmElement *element = nullptr;
    if (file->dataset->findAndGetElement(DCM_PixelData, element).bad()) return nullptr;
    return dynamic_cast<DcmPixelData *>(element);
}

/* Room for starts[last]. */
bool reserve(nw_dcmtk *file, uint32_t last)
{
    if (last < file->room) return true;
    uint32_t room = 2 * last + 16;
    void *larger = std::realloc(file->starts, room * sizeof *file->starts);
    if (!larger) return false;
    file->starts = static_cast<Uint32 *>(larger);
    file->room = room;
    return true;
}

/* The fragments of encapsulated pixels; item 0 is the table of offsets. */
OFCondition sequence_of(DcmPixelData *pixels, DcmPixelSequence *&sequence)
{
    E_TransferSyntax syntax = EXS_Unknown;
    const DcmRepresentationParameter *parameter = nullptr;
    if (!pixels) return EC_TagNotFound;
    pixels->getOriginalRepresentationKey(syntax, parameter);
    return pixels->getEncapsulatedRepresentation(syntax, parameter, sequence);
}

bool starts_sanely(DcmPixelSequence *sequence, Uint32 fragment, int (*sane)(const unsigned char *, size_t))
{
    DcmPixelItem *item = nullptr;
    Uint8 *bytes = nullptr;
    if (sequence->getItem(item, fragment).bad() || item->getUint8Array(bytes).bad() || !bytes) return false;
    return sane(bytes, item->getLength()) != 0;
}

OFCondition read_memory(nw_dcmtk *file, const unsigned char *memory, size_t size)
{
    DcmInputBufferStream stream;
    stream.setBuffer(memory, static_cast<offile_off_t>(size));
    stream.setEos();
    file->memory.transferInit();
    OFCondition status = file->memory.read(stream, EXS_LittleEndianExplicit, EGL_noChange, DCM_MaxReadLength);
    file->memory.transferEnd();
    file->dataset = &file->memory;
    return status;
}
} // namespace

nw_dcmtk *nw_dcmtk_open(const char *path, const unsigned char *memory, size_t size, char *why)
{
    nw_dcmtk *file = nullptr;
    int done = guarded_step(why, [&] {
        pthread_once(&once, set_up);
        if (!dcmDataDict.isDictionaryLoaded())
            return makeOFCondition(0, 1, OF_error,
                                   "DCMTK's data dictionary is missing (dicom.dic, DCMDICTPATH)");
        file = new nw_dcmtk;
        if (!path) return read_memory(file, memory, size);
        file->dataset = file->format.getDataset();
        return file->format.loadFile(OFFilename(path), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                                     ERM_autoDetect);
    });
    if (done) return file;
    nw_dcmtk_close(file);
    return nullptr;
}

void nw_dcmtk_close(nw_dcmtk *file)
{
    guarded(0, [&] {
        delete file;
        return 0;
    });
}

nw_dcmtk_item *nw_dcmtk_root(nw_dcmtk *file)
{
    return handle_of(file->dataset);
}

const char *nw_dcmtk_transfer_syntax(nw_dcmtk *file)
{
    return DcmXfer(file->dataset->getOriginalXfer()).getXferID();
}

int nw_dcmtk_text(nw_dcmtk_item *item, uint32_t tag, unsigned long at, char *dst, size_t size)
{
    return guarded(0, [&] {
        OFString text;
        if (item_of(item)->findAndGetOFString(key(tag), text, at).bad() || text.empty()) return 0;
        std::snprintf(dst, size, "%s", text.c_str());
        return 1;
    });
}

int nw_dcmtk_real(nw_dcmtk_item *item, uint32_t tag, unsigned long at, double *dst)
{
    return guarded(0, [&] {
        Float64 value = 0;
        if (item_of(item)->findAndGetFloat64(key(tag), value, at).bad()) return 0;
        *dst = value;
        return 1;
    });
}

int nw_dcmtk_integer(nw_dcmtk_item *item, uint32_t tag, unsigned long at, int64_t *dst)
{
    return guarded(0, [&] {
        Uint16 narrow = 0;
        Sint16 narrow_signed = 0;
        Sint32 text = 0;
        Uint32 wide = 0;
        if (item_of(item)->findAndGetUint16(key(tag), narrow, at).good())
            *dst = narrow;
        else if (item_of(item)->findAndGetSint16(key(tag), narrow_signed, at).good())
            *dst = narrow_signed;
        else if (item_of(item)->findAndGetSint32(key(tag), text, at).good())
            *dst = text;
        else if (item_of(item)->findAndGetUint32(key(tag), wide, at).good())
            *dst = wide;
        else
            return 0;
        return 1;
    });
}

int nw_dcmtk_has(nw_dcmtk_item *item, uint32_t tag)
{
    return guarded(0, [&] { return item_of(item)->tagExistsWithValue(key(tag)) ? 1 : 0; });
}

nw_dcmtk_item *nw_dcmtk_sequence(nw_dcmtk_item *item, uint32_t tag, unsigned long at)
{
    return guarded(static_cast<nw_dcmtk_item *>(nullptr), [&]() -> nw_dcmtk_item * {
        DcmSequenceOfItems *sequence = nullptr;
        if (item_of(item)->findAndGetSequence(key(tag), sequence).bad() || !sequence) return nullptr;
        return at < sequence->card() ? handle_of(sequence->getItem(at)) : nullptr;
    });
}

unsigned long nw_dcmtk_sequence_count(nw_dcmtk_item *item, uint32_t tag)
{
    return guarded(0UL, [&] {
        DcmSequenceOfItems *sequence = nullptr;
        if (item_of(item)->findAndGetSequence(key(tag), sequence).bad() || !sequence) return 0UL;
        return sequence->card();
    });
}

uint32_t nw_dcmtk_native_size(nw_dcmtk *file, int *words)
{
    return guarded(uint32_t(0), [&]() -> uint32_t {
        DcmPixelData *pixels = pixels_of(file);
        if (!pixels) return 0;
        *words = pixels->getVR() != EVR_OB;
        return pixels->getLength(EXS_LittleEndianExplicit);
    });
}

int nw_dcmtk_native(nw_dcmtk *file, uint32_t offset, uint32_t size, void *dst, char *why)
{
    return guarded_step(why, [&] {
        DcmPixelData *pixels = pixels_of(file);
        return pixels ? pixels->getPartialValue(dst, offset, size, &file->cache) : EC_TagNotFound;
    });
}

int nw_dcmtk_decode(nw_dcmtk *file, uint32_t frame, int64_t frames,
                    int (*sane)(const unsigned char *bytes, size_t size), void *dst, uint32_t size, char *why)
{
    return guarded_step(why, [&]() -> OFCondition {
        DcmPixelData *pixels = pixels_of(file);
        DcmPixelSequence *sequence = nullptr;
        OFCondition status = sequence_of(pixels, sequence);
        if (status.bad()) return status;
        auto decode = [&](uint32_t which, Uint32 &fragment) -> OFCondition {
            OFString colours;
            if (sane && !starts_sanely(sequence, fragment, sane)) return EC_CorruptedData;
            return pixels->getUncompressedFrame(file->dataset, which, fragment, dst, size, colours,
                                                &file->cache);
        };
        if (frame > file->known) { /* not the next one: by the table of offsets */
            Uint32 fragment = 0;
            status = DcmCodec::determineStartFragment(frame, static_cast<Sint32>(frames), sequence, fragment);
            if (status.good()) return decode(frame, fragment);
        }
        /* Where the table is empty only the frames before tell where one starts. */
        for (uint32_t f = frame < file->known ? frame : file->known; f <= frame; f++) {
            if (!reserve(file, f + 1)) return EC_MemoryExhausted;
            Uint32 fragment = f ? file->starts[f] : 1;
            status = decode(f, fragment);
            if (status.bad()) return status;
            file->starts[f + 1] = fragment;
            if (f == file->known) file->known++;
        }
        return status;
    });
}

int nw_dcmtk_fragments(nw_dcmtk *file, uint32_t frame, int64_t frames, unsigned char **dst, size_t *size,
                       char *why)
{
    *dst = nullptr;
    return guarded_step(why, [&]() -> OFCondition {
        DcmPixelSequence *sequence = nullptr;
        OFCondition status = sequence_of(pixels_of(file), sequence);
        if (status.bad()) return status;
        /* Item 0 is the table of offsets; one frame has all the others, many have one each or by the table.
         */
        Uint32 first = 1, last = static_cast<Uint32>(sequence->card());
        if (frames > 1) {
            status = DcmCodec::determineStartFragment(frame, static_cast<Sint32>(frames), sequence, first);
            if (status.good() && frame + 1 < frames)
                status =
                    DcmCodec::determineStartFragment(frame + 1, static_cast<Sint32>(frames), sequence, last);
            if (status.bad()) return status;
        }
        size_t total = 0;
        for (int copy = 0; copy < 2; copy++) {
            size_t at = 0;
            for (Uint32 i = first; i < last; i++) {
                DcmPixelItem *item = nullptr;
                Uint8 *bytes = nullptr;
                status = sequence->getItem(item, i);
                if (status.bad()) return status;
                Uint32 length = item->getLength();
                if (copy && length) {
                    status = item->getUint8Array(bytes);
                    if (status.bad() || !bytes) return status.bad() ? status : EC_CorruptedData;
                    std::memcpy(*dst + at, bytes, length);
                }
                at += length;
            }
            if (copy) break;
            total = at;
            if (!total) return EC_CorruptedData;
            *dst = static_cast<unsigned char *>(std::malloc(total));
            if (!*dst) return EC_MemoryExhausted;
        }
        *size = total;
        return EC_Normal;
    });
}

void nw_dcmtk_release(unsigned char *bytes)
{
    std::free(bytes);
}
