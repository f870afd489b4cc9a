//! A list that nearly always has one element: that one needs no allocation.

/// Elements in no particular order.
pub(crate) struct Few<T> {
    first: Option<T>,
    more: Vec<T>,
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, element: T) {
        if self.first.is_none() {
            self.first = Some(element);
        } else {
            self.more.push(element);
        }
    }

    /// Whether there is one element, and `is` says yes to it.
    pub(crate) fn is_one(&self, is: impl Fn(&T) -> bool) -> bool {
        self.more.is_empty() && self.first.as_ref().is_some_and(is)
    }

    /// Takes out the elements for which `taken` says yes.
    pub(crate) fn take_if(&mut self, taken: impl Fn(&T) -> bool) -> Few<T> {
        let first = self.first.take_if(|element| taken(element));
        let more = match self.more.is_empty() {
            true => Vec::new(),
            false => self.more.extract_if(.., |element| taken(element)).collect(),
        };
        Few { first, more }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Few<T> {
        Few { first: None, more: Vec::new() }
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_wherever_they_are() {
        let mut few = Few::default();
        (0..4).for_each(|n| few.push(n));
        assert_eq!(few.take_if(|n| n % 2 == 0).into_iter().collect::<Vec<_>>(), [0, 2]);
        few.push(5);
        let mut left: Vec<i32> = few.into_iter().collect();
        left.sort_unstable();
        assert_eq!(left, [1, 3, 5]);
    }
}
