// What tests/it/page.rs puts into the buckets, as numbers that the visits check.

/** Of the Source `assets`. */
export const ASSETS = 198;
/** What lies in `/photos/2025/`: six pictures. */
export const SUMMER = 6;
/** Those and the three of `/brand/`, which are pictures too. */
export const IMAGES = 9;
/** What lies in `/scans/`, of type `other`. */
export const SCANS = 180;
/** The Source that is all there. */
export const SOURCE = 'assets';
/** The Source whose scan does not end. */
export const SLOW = 'slow';
/** The name that would be markup, were it not text. */
export const MARKUP = '<img src=x onerror=alert(1)>.txt';
