//! Tests of functions by their offsets.

use super::*;
use crate::manager::object::Plain;

fn count(_: &mut Plain<u8>, (): (), asker: Asker<u8>, answers: &mut Answers) {
    asker.answer(1, answers);
}

#[test]
fn a_function_is_found_by_its_offset() {
    let function = function_of::<Plain<u8>, (), u8, _>(count);
    let found = Function::at(function.offset().unwrap()).unwrap();
    assert!(ptr::eq(function, found));
    assert!((found.name)().contains("count"));
}

#[test]
fn everything_near_a_function_and_everywhere_else_is_refused_or_another_function() {
    let function = function_of::<Plain<u8>, (), u8, _>(count);
    let offset = function.offset().unwrap();
    for near in (1..64).flat_map(|near| [offset - near, offset + near]) {
        if let Ok(other) = Function::at(near) {
            assert!(near.abs_diff(offset) >= size_of::<Function>() as u64, "it overlaps");
            assert!(other.magic == MAGIC);
        }
    }
    let executable = Executable::of_this_process();
    let end = executable.readable.iter().map(|segment| segment.end).max().unwrap();
    let last = (end - executable.base) as u64;
    let outside = [last - 1, last - 8, last, u64::MAX, u64::MAX - 7, 1 << 63];
    for offset in outside {
        assert_eq!(Function::at(offset).map(|_| ()).unwrap_err().kind(), ManagerErrorKind::Refused);
    }
}

#[test]
fn the_magic_where_it_is_compared_is_not_a_function() {
    // Whatever in the executable begins like a function is one, or goes on unlike one.
    let executable = Executable::of_this_process();
    let mut functions = 0;
    for segment in &executable.readable {
        for at in segment.clone().step_by(align_of::<Function>()) {
            if let Ok(function) = Function::at(at.wrapping_sub(executable.base) as u64) {
                functions += 1;
                assert!(!(function.name)().is_empty());
            }
        }
    }
    assert!(functions >= 1);
}
