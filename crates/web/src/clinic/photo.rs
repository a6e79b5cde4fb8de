//! Photos: what a phone's camera made, cleaned before anything is kept, and the tags that can be read in them.
//!
//! A picture is decoded and written anew: position, time, device and thumbnails that a camera adds (EXIF, XMP) are not
//! copied, because nothing but the pixels is. Phones on a facility's plain Wi-Fi cannot show their camera to a page, so a
//! tag is photographed and its QR code is read here.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView as _, ImageDecoder as _, ImageReader, Limits, imageops};

/// The largest photo that is read: the best phones of today make 12 MB.
pub(crate) const PHOTO_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest side of a decoded picture, in pixels, and the memory one may take: a bomb of a few bytes is refused.
const SIDE_PX_MAX: u32 = 12_000;
const DECODED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The longest side that is kept: a wound can be judged by it, and it crosses a poor link.
const KEPT_SIDE_PX: u32 = 1_280;
/// The longest side in which a tag is looked for first. A code that fills a third of the photo is then 400 pixels wide.
const SEARCHED_SIDE_PX: u32 = 1_280;
const JPEG_QUALITY: u8 = 78;
/// The side of a blurred square, in parts of the picture's longer side.
const BLUR_PART: u32 = 8;
/// The most that a tag's code may say; longer text is not a tag of ours.
const TAG_CHARS_MAX: usize = 64;

/// Why a photo cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum PhotoError {
    /// Not an image, or of a kind that is not read: JPEG, PNG and WebP are.
    #[error("not a JPEG, PNG or WebP image")]
    NotAnImage,
    /// It begins like one and is torn.
    #[error("the image is damaged")]
    Damaged,
    /// It would take too much memory.
    #[error("the image is too large")]
    TooLarge,
}

impl PhotoError {
    /// The message that says so.
    pub(crate) fn message(self) -> &'static str {
        match self {
            PhotoError::NotAnImage => "photo-not-an-image",
            PhotoError::Damaged => "photo-damaged",
            PhotoError::TooLarge => "photo-too-large",
        }
    }
}

/// A photo as it is kept: JPEG, upright, without anything but its pixels.
pub(crate) struct Photo {
    pub jpeg: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// The pixels of what was uploaded, upright.
fn decoded(bytes: &[u8]) -> Result<DynamicImage, PhotoError> {
    if bytes.len() > PHOTO_BYTES_MAX {
        return Err(PhotoError::TooLarge);
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| PhotoError::Damaged)?;
    reader.format().ok_or(PhotoError::NotAnImage)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_PX_MAX);
    limits.max_image_height = Some(SIDE_PX_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| problem(&error))?;
    if decoder.total_bytes() > DECODED_BYTES_MAX {
        return Err(PhotoError::TooLarge);
    }
    // A camera that says nothing of how it was held, or nothing that can be read, was held upright.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| problem(&error))?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn problem(error: &image::ImageError) -> PhotoError {
    match error {
        image::ImageError::Limits(_) => PhotoError::TooLarge,
        image::ImageError::Unsupported(_) => PhotoError::NotAnImage,
        _ => PhotoError::Damaged,
    }
}

fn within(picture: &DynamicImage, side_px: u32) -> DynamicImage {
    let (width, height) = picture.dimensions();
    match width.max(height) > side_px {
        true => picture.thumbnail(side_px, side_px),
        false => picture.clone(),
    }
}

fn written(picture: &DynamicImage) -> Result<Photo, PhotoError> {
    let pixels = picture.to_rgb8();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(&pixels).map_err(|_| PhotoError::Damaged)?;
    Ok(Photo { jpeg, width: pixels.width(), height: pixels.height() })
}

/// A photo made fit to be kept.
///
/// # Errors
/// [`PhotoError`].
pub(crate) fn clean(bytes: &[u8]) -> Result<Photo, PhotoError> {
    written(&within(&decoded(bytes)?, KEPT_SIDE_PX))
}

/// The same photo with a square around a point made unrecognisable: its pixels are averaged, not covered. The point is in
/// thousandths of its width and height.
///
/// # Errors
/// [`PhotoError`].
pub(crate) fn blurred(bytes: &[u8], x_milli: u32, y_milli: u32) -> Result<Photo, PhotoError> {
    let mut picture = decoded(bytes)?;
    let (width, height) = picture.dimensions();
    let side = (width.max(height) / BLUR_PART).max(1);
    let corner = |milli: u32, length: u32| (milli.min(1_000) * length / 1_000).saturating_sub(side / 2).min(length - 1);
    let (left, top) = (corner(x_milli, width), corner(y_milli, height));
    let (wide, high) = (side.min(width - left), side.min(height - top));
    let square = picture.crop_imm(left, top, wide, high);
    // Few enough blocks that no face can be told from them.
    let blocks = square.resize_exact(4, 4, imageops::FilterType::Triangle);
    let square = blocks.resize_exact(wide, high, imageops::FilterType::Nearest);
    imageops::replace(&mut picture, &square, i64::from(left), i64::from(top));
    written(&picture)
}

/// What the QR codes in a photo say, those that may be tags; none if there are none.
///
/// # Errors
/// [`PhotoError`].
pub(crate) fn tags_in(bytes: &[u8]) -> Result<Vec<String>, PhotoError> {
    let picture = decoded(bytes)?;
    let small = within(&picture, SEARCHED_SIDE_PX);
    let found = read_codes(&small);
    match found.is_empty() && small.dimensions() != picture.dimensions() {
        true => Ok(read_codes(&within(&picture, 2 * SEARCHED_SIDE_PX))),
        false => Ok(found),
    }
}

fn read_codes(picture: &DynamicImage) -> Vec<String> {
    let grey = picture.to_luma8();
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| grey.get_pixel(x as u32, y as u32).0[0]);
    let codes = prepared.detect_grids().into_iter().filter_map(|grid| grid.decode().ok());
    let mut tags: Vec<String> = codes.map(|(_, text)| text.trim().to_owned()).filter(|text| may_be_tag(text)).collect();
    tags.dedup();
    tags
}

/// A tag says a serial: letters, digits and dashes. An address or a sentence is somebody else's code.
fn may_be_tag(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= TAG_CHARS_MAX
        && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '#' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageFormat, Luma, RgbImage};

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn tag_picture(text: &str) -> DynamicImage {
        let code = qrcode::QrCode::new(text).unwrap();
        let (modules, scale, quiet) = (code.width() as u32, 6, 4);
        let side = (modules + 2 * quiet) * scale;
        let colours = code.to_colors();
        DynamicImage::from(GrayImage::from_fn(side, side, |x, y| {
            let at = |pixel: u32| (pixel / scale).checked_sub(quiet).filter(|module| *module < modules);
            match (at(x), at(y)) {
                (Some(x), Some(y)) if colours[(y * modules + x) as usize] == qrcode::Color::Dark => Luma([20]),
                _ => Luma([235]),
            }
        }))
    }

    /// An APP1 segment with EXIF that says orientation 6 (held on its side) and a secret, behind the start of a JPEG.
    fn with_exif(jpeg: &[u8], secret: &[u8]) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0".to_vec();
        tiff.extend([1, 0]);
        tiff.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        tiff.extend([0, 0, 0, 0]);
        tiff.extend(secret);
        let mut segment = vec![0xff, 0xe1];
        segment.extend(((tiff.len() + 8) as u16).to_be_bytes());
        segment.extend(b"Exif\0\0");
        segment.extend(tiff);
        [&jpeg[..2], &segment, &jpeg[2..]].concat()
    }

    #[test]
    fn a_tag_is_read_from_a_photo_of_any_kind_and_turn() {
        let picture = tag_picture("K7-204");
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            assert_eq!(tags_in(&encoded(&picture, format)).unwrap(), ["K7-204"], "{format:?}");
        }
        for turned in [picture.rotate90(), picture.rotate180(), picture.rotate270()] {
            assert_eq!(tags_in(&encoded(&turned, ImageFormat::Png)).unwrap(), ["K7-204"]);
        }
        let far = DynamicImage::from(RgbImage::from_pixel(3_000, 4_000, image::Rgb([180, 170, 160])));
        let mut photo = far.clone();
        imageops::overlay(&mut photo, &picture.resize(700, 700, imageops::FilterType::Triangle), 1_200, 2_000);
        assert_eq!(tags_in(&encoded(&photo, ImageFormat::Jpeg)).unwrap(), ["K7-204"]);
        assert!(tags_in(&encoded(&far, ImageFormat::Jpeg)).unwrap().is_empty());
        let address = encoded(&tag_picture("https://example.org/?a=b"), ImageFormat::Png);
        assert!(tags_in(&address).unwrap().is_empty(), "a code that is not a tag is not taken for one");
    }

    #[test]
    fn nothing_but_the_pixels_of_a_photo_is_kept_and_it_stands_upright() {
        let wide = DynamicImage::from(RgbImage::from_fn(2_000, 1_000, |x, _| image::Rgb([(x / 8) as u8, 90, 40])));
        let secret = b"GPS 33.51 N 36.37 E, phone of Heron";
        let bytes = with_exif(&encoded(&wide, ImageFormat::Jpeg), secret);
        assert!(bytes.windows(secret.len()).any(|window| window == secret));
        let photo = clean(&bytes).unwrap();
        assert_eq!((photo.width, photo.height), (640, 1_280), "turned as the camera says, and made smaller");
        assert!(!photo.jpeg.windows(3).any(|window| window == b"GPS"));
        assert!(!photo.jpeg.windows(4).any(|window| window == b"Exif"));
        assert!(photo.jpeg.len() < 200_000, "{}", photo.jpeg.len());
    }

    #[test]
    fn a_face_that_is_blurred_cannot_be_had_back() {
        let noise = |x: u32, y: u32| image::Rgb([((x * 7919) ^ (y * 104_729)) as u8; 3]);
        let picture = DynamicImage::from(RgbImage::from_fn(800, 600, noise));
        let photo = blurred(&encoded(&picture, ImageFormat::Png), 500, 500).unwrap();
        let after = decoded(&photo.jpeg).unwrap().to_rgb8();
        let spread = |left: u32, top: u32| {
            let values: Vec<i32> = (0..60)
                .flat_map(|y| (0..60).map(move |x| (x, y)))
                .map(|(x, y)| i32::from(after.get_pixel(left + x, top + y).0[0]))
                .collect();
            let mean = values.iter().sum::<i32>() / values.len() as i32;
            values.iter().map(|value| (value - mean).abs()).sum::<i32>() / values.len() as i32
        };
        assert!(spread(370, 270) < 15 && spread(20, 20) > 40, "{} {}", spread(370, 270), spread(20, 20));
        // A point at the very edge, or beyond it, is no panic.
        blurred(&photo.jpeg, 1_000, 0).unwrap();
        blurred(&photo.jpeg, u32::MAX, 7).unwrap();
    }

    #[test]
    fn what_is_no_photo_is_refused_by_name() {
        assert_eq!(clean(b"").err(), Some(PhotoError::NotAnImage));
        assert_eq!(clean(b"<svg onload=alert(1)>").err(), Some(PhotoError::NotAnImage));
        assert_eq!(clean(b"%PDF-1.7 a document").err(), Some(PhotoError::NotAnImage));
        let sound = encoded(&tag_picture("A-1"), ImageFormat::Jpeg);
        assert_eq!(clean(&sound[..40]).err(), Some(PhotoError::Damaged));
        assert_eq!(clean(&vec![0; PHOTO_BYTES_MAX + 1]).err(), Some(PhotoError::TooLarge));
        // A PNG of a few bytes that says it is 60,000 pixels wide and high.
        let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bomb.extend([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0]);
        bomb.extend([0; 4]);
        assert!(clean(&bomb).is_err());
        // Every byte of a small photo turned over: an error or a photo, never a panic.
        let small =
            encoded(&DynamicImage::from(RgbImage::from_pixel(16, 16, image::Rgb([9, 9, 9]))), ImageFormat::Jpeg);
        for at in 0..small.len() {
            let mut torn = small.clone();
            torn[at] ^= 0xff;
            drop((clean(&torn), tags_in(&torn)));
        }
    }
}
