//! The server's lists, as vectors.

use pgrx::pg_sys;

/// The pointers in a list; an absent list has none.
///
/// # Safety
/// `list` must be NULL or a list of pointers.
pub unsafe fn items<T>(list: *const pg_sys::List) -> Vec<*mut T> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the cells are as many as the list says, and hold pointers as the caller promises.
    unsafe {
        let cells = std::slice::from_raw_parts((*list).elements, (*list).length as usize);
        cells.iter().map(|cell| cell.ptr_value.cast::<T>()).collect()
    }
}

/// A new list of pointers; without any it is absent.
pub fn list_of<T>(items: impl IntoIterator<Item = *mut T>) -> *mut pg_sys::List {
    items.into_iter().fold(std::ptr::null_mut(), |list, item| {
        // SAFETY: appends to a list that was made here.
        unsafe { pg_sys::lappend(list, item.cast()) }
    })
}
