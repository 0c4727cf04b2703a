import numpy as np
import pytest
from PIL import Image

from models.encoders.pictures import pixels
from streams.errors import BadRecord
from tests.contract.pictures import encoded, gradient, noise

LIMIT = 10_000_000


def test_any_picture_becomes_a_square_of_rgb_bytes() -> None:
    square = pixels(encoded(gradient(300, 20)), 32, LIMIT)
    assert (square.shape, square.dtype) == ((32, 32, 3), np.uint8)


def test_the_whole_picture_is_squeezed_in_with_both_its_ends() -> None:
    row = pixels(encoded(gradient(300, 20)), 32, LIMIT)[16, :, 0]
    assert row[0] < 10
    assert row[-1] > 245


@pytest.mark.parametrize("image_format", ["BMP", "GIF", "PNG", "TIFF", "WEBP"])
def test_every_allowed_format_shows_the_same_picture(image_format: str) -> None:
    expected = pixels(encoded(gradient()), 16, LIMIT).astype(int)
    found = pixels(encoded(gradient(), image_format), 16, LIMIT).astype(int)
    assert np.abs(found - expected).mean() < 12


def test_a_large_jpeg_decoded_at_a_fraction_of_its_size_shows_the_same_picture() -> None:
    expected = pixels(encoded(gradient(1600, 1200)), 16, LIMIT).astype(int)
    found = pixels(encoded(gradient(1600, 1200), "JPEG", quality=90), 16, LIMIT).astype(int)
    assert np.abs(found - expected).mean() < 4


def test_a_picture_turned_by_its_exif_orientation_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    turned = encoded(gradient(64, 64).transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    np.testing.assert_array_equal(pixels(turned, 32, LIMIT), pixels(encoded(gradient(64, 64)), 32, LIMIT))


def test_transparent_places_show_white() -> None:
    assert (pixels(encoded(Image.new("RGBA", (20, 20), (10, 20, 30, 0))), 16, LIMIT) == 255).all()


def test_a_transparent_palette_entry_shows_white() -> None:
    image = Image.new("P", (20, 20), 0)
    image.putpalette([10, 20, 30])
    assert (pixels(encoded(image, "PNG", transparency=0), 16, LIMIT) == 255).all()


def test_sixteen_bit_grey_keeps_its_levels() -> None:
    image = Image.fromarray(np.full((20, 20), 32_896, dtype=np.uint16))
    assert (pixels(encoded(image), 16, LIMIT) == 128).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK"])
def test_pictures_of_every_colour_mode_are_seen(mode: str) -> None:
    image_format = "TIFF" if mode == "CMYK" else "PNG"
    assert pixels(encoded(noise(1).convert(mode), image_format), 16, LIMIT).std() > 10


def test_an_animation_counts_by_its_first_frame() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    animation = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixels(animation, 16, LIMIT)[8, 8].tolist() == [255, 0, 0]


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    bomb = encoded(Image.new("1", (5_000, 5_000)))
    with pytest.raises(BadRecord) as refusal:
        pixels(bomb, 16, LIMIT)
    assert refusal.value.reason == "image_too_large"


def test_a_format_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(BadRecord) as refusal:
        pixels(encoded(gradient(), "PPM"), 16, LIMIT)
    assert refusal.value.reason == "unreadable_image"


@pytest.mark.parametrize("image_format", ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_a_file_that_ends_in_its_header_is_refused(image_format: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        pixels(encoded(gradient(), image_format)[:40], 16, LIMIT)
    assert refusal.value.reason == "unreadable_image"
