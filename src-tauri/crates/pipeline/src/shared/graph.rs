//! Edges between steps or pipelines: their order, and what remains of them when some nodes are left out.

use std::collections::HashMap;

/// Where each name stands; of a name that occurs twice the first place counts.
pub(crate) fn positions<'n>(names: impl IntoIterator<Item = &'n str>) -> HashMap<&'n str, usize> {
    let mut positions = HashMap::new();
    for (n, name) in names.into_iter().enumerate() {
        positions.entry(name).or_insert(n);
    }
    positions
}

/// An order in which every node comes after those that it needs.
///
/// # Errors
/// The nodes of one circle, in its direction.
pub(crate) fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut dependants: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (node, list) in needs.iter().enumerate() {
        for &need in list {
            dependants[need].push(node);
        }
    }
    let mut done: Vec<usize> = (0..needs.len()).filter(|&node| open[node] == 0).collect();
    let mut next = 0;
    while next < done.len() {
        for &node in &dependants[done[next]] {
            open[node] -= 1;
            if open[node] == 0 {
                done.push(node);
            }
        }
        next += 1;
    }
    if done.len() == needs.len() {
        return Ok(done);
    }
    // Every node that is left needs another one that is left: walk until one comes up again.
    let mut path: Vec<usize> = open.iter().position(|&count| count > 0).into_iter().collect();
    while let Some(&last) = path.last() {
        let Some(&need) = needs[last].iter().find(|&&need| open[need] > 0) else { break };
        if let Some(start) = path.iter().position(|&node| node == need) {
            return Err(path.split_off(start));
        }
        path.push(need);
    }
    Err(path)
}

/// Most needs in a plan. Every step may wait for hundreds of others, but the square of thousands of steps is a bomb.
pub(crate) const MAX_NEEDS: usize = 500_000;

/// The needs of each kept node once the others are gone: a node that was left out hands its own needs on. The input has
/// no circle. `None` when these are more than [`MAX_NEEDS`].
pub(crate) fn bridge(needs: &[Vec<usize>], keep: &[bool]) -> Option<Vec<Vec<usize>>> {
    let mut bridged: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    // The same needs come along many ways: whose list each node was put into last.
    let mut taken_by = vec![usize::MAX; needs.len()];
    let mut total = 0;
    for node in order(needs).unwrap_or_default() {
        let mut list = Vec::new();
        for &need in &needs[node] {
            let own = [need];
            let handed_on = if keep[need] { &own[..] } else { &bridged[need] };
            for &need in handed_on {
                if std::mem::replace(&mut taken_by[need], node) != node {
                    list.push(need);
                }
            }
        }
        total += list.len();
        if total > MAX_NEEDS {
            return None;
        }
        list.sort_unstable();
        bridged[node] = list;
    }
    Some(bridged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_named() {
        assert_eq!(order(&[vec![], vec![0], vec![1]]), Ok(vec![0, 1, 2]));
        assert_eq!(order(&[vec![2], vec![0], vec![1], vec![0]]), Err(vec![0, 2, 1]));
        assert_eq!(order(&[vec![], vec![1]]), Err(vec![1]));
    }

    #[test]
    fn what_is_left_out_is_bridged() {
        // 0 <- 1 <- 2 <- 3 with 1 and 2 left out, in any order of the file.
        assert_eq!(bridge(&[vec![], vec![0], vec![1], vec![2, 0]], &[true, false, false, true]).unwrap()[3], [0]);
        assert_eq!(bridge(&[vec![1], vec![2], vec![]], &[true, false, true]).unwrap()[0], [2]);
    }
}
