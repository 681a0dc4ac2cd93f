// The content of the buckets that tests/it/page.rs fills, for the scenarios to check.

/** Number of assets of the Source `assets`. */
export const ASSETS = 198;
/** Number of pictures in `/photos/2025/`. */
export const SUMMER = 6;
/** Number of pictures: those in `/photos/2025/` and three in `/brand/`. */
export const IMAGES = 9;
/** Number of assets in `/scans/`; their type is `other`. */
export const SCANS = 180;
/** The Source that is completely indexed. */
export const SOURCE = 'assets';
/** The Source whose scan does not end. */
export const SLOW = 'slow';
/** A file name that looks like markup. */
export const MARKUP = '<img src=x onerror=alert(1)>.txt';
/** The files in `/formats/` that browsers cannot show, and that have thumbnails. */
export const DRAWN = ['clip.mp4', 'layers.psd', 'phone.heic', 'scan.pdf', 'shot.cr2'];
/** The files in `/formats/` without a thumbnail: none can be drawn, and none is tried. */
export const UNDRAWN = ['broken.psd', 'notes.txt'];
/** The pictures in `/shapes/` of the Source `plain`. */
export const SHAPES = ['panorama.png', 'portrait.png', 'ring.png', 'sea.png', 'tiny.png'];
/** Number of pictures in `/large/` of the Source `plain`. Each third one has more than 1 MB. */
export const LARGE = 102;
/** Number of Sources of the server with many Sources. All but two are disabled. */
export const MANY = 300;
/** The Source of that server whose bucket does not exist. */
export const BROKEN = 'without-bucket';
